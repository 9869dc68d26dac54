"""Stage one of the expert: from a graph to plans that differ in structure."""
