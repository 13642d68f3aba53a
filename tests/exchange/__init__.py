"""Content in and out as files."""
