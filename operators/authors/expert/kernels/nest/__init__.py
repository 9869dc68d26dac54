"""The analysis of nests: rows, what is reduced inside them, in which passes."""
