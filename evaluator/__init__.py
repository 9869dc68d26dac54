"""The evaluator: builds, isolates, checks and times candidates, and believes nothing that a candidate says."""
