"""Stage two: the structure stays, and of the knobs only those of the operator's own lever may come, go or change.

A knob of another lever keeps its name, lever and choices. Its default may move: an author may start from the parent's
best configuration.
"""

from __future__ import annotations

from egg_search.core.candidate import Candidate
from egg_search.core.knobs import Knob
from operators.base import Brief
from operators.checked import CheckedOperator, structure_moved


class StageTwoOperator(CheckedOperator):
    """One lever. Subclasses give `name` and `lever`."""

    stage = 2

    def objection(self, candidate: Candidate, brief: Brief) -> str | None:
        assert brief.parent is not None  # `propose` has seen to it
        return structure_moved(candidate, brief.parent) or self._foreign_knobs(candidate, brief.parent)

    def _foreign_knobs(self, candidate: Candidate, parent: Candidate) -> str | None:
        before, after = self._foreign(parent), self._foreign(candidate)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                what = "appeared" if name not in before else "is gone" if name not in after else "changed its choices"
                lever = (candidate.knobs.get(name) or parent.knobs[name]).lever
                return f"knob {name} of lever {lever} {what}, and operator {self.name} may not touch it"
        return None

    def _foreign(self, candidate: Candidate) -> dict[str, tuple[str, frozenset[str]]]:
        def choices(knob: Knob) -> frozenset[str]:
            return frozenset(map(repr, knob.choices))

        knobs = candidate.knobs.values()
        return {knob.name: (knob.lever, choices(knob)) for knob in knobs if knob.lever != self.lever}
