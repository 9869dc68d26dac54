"""The vocabulary: frozen records that every package shares. Imports nothing else of the project."""
