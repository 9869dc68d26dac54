"""Many problems, one campaign each, and the table over all of them."""
