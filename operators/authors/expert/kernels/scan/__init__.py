"""Scans, as all dialects see them."""
