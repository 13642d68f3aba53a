"""Tests, a mirror of the packages they check."""
