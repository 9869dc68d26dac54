"""Is it right, and how exact? Truth in float64, limits from the problem's own conditioning, inputs of many kinds."""
