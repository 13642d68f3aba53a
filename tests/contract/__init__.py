"""What every registered content type promises, at every door."""
