"""Where candidates run: one process each, forked from a zygote that has imported torch and nothing of a candidate."""
