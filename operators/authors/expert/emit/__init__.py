"""From a plan to the text of a candidate module, and back to the plan."""
