"""Draws the pictures of the demo content, the same each time: `python -m scripts.demo_images [DIR]`."""
