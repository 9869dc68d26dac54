"""Fake or partial computation."""

from entries import entry

from egg_search.core.verdict import Outcome

WRONG = Outcome.WRONG_VALUES
ENTRIES = [
    entry("zeros", "norm_softmax", "return torch.zeros_like(x)", outcomes=WRONG, reason="expected"),
]
