"""Makes the helpers beside it importable in every folder here."""
