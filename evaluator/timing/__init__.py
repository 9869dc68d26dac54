"""Timing on shared machines: random-order interleaving, a quantile, bootstrap intervals, no needless samples."""
