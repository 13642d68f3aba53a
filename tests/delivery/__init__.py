"""Previews, and the links that show them."""
