"""The embedded expert: a compiler with choices. Needs no network and no model; deterministic."""
