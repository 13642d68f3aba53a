"""The history of the tables, for both databases."""
