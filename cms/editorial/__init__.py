"""The writing side: Markdown to HTML, text for search, and what an editor does to a record."""
