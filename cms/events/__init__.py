"""What happened, kept in the transaction in which it happened."""
