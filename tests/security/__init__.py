"""Attacks and strain, each named by its row of the checklist."""
