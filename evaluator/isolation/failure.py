"""How the verifier learns that a worker failed."""

from __future__ import annotations

from egg_search.core.verdict import Outcome


class WorkerFailure(Exception):
    """A worker did not do what it was asked; the worker is dead or about to be killed."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason
