"""What generators of attention in all dialects share."""
