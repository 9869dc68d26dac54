"""What generators of products in all dialects share."""
