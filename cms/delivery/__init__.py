"""How what editors write reaches others: previews, for those without an account too, behind links that end."""
