"""Which verdicts count: the one rule that archive, studies, front and reports go by."""

from __future__ import annotations

from dataclasses import dataclass

from egg_search.core.verdict import Outcome, PrecisionClass, Verdict
from evaluator.static import LIBRARY_ONLY, has_flag


@dataclass(frozen=True)
class Admission:
    """`precision` is the loosest class that counts. Without `library_ports`, what launches no kernel does not."""

    precision: PrecisionClass = PrecisionClass.FAITHFUL
    library_ports: bool = True

    def __call__(self, verdict: Verdict) -> bool:
        if not verdict.ok or verdict.errors.precision.rank > self.precision.rank:
            return False
        return not self._is_refused_port(verdict)

    def refusal(self, verdict: Verdict) -> Verdict:
        """What an ok verdict that does not count amounts to, with the reason."""
        why = f"only {verdict.errors.precision}, less exact than {self.precision}"
        if self._is_refused_port(verdict):
            why = "a library port: no kernel is loaded, and library ports do not count here"
        return Verdict(Outcome.REFUSED, why, verdict.flags)

    def _is_refused_port(self, verdict: Verdict) -> bool:
        return not self.library_ports and has_flag(verdict.flags, LIBRARY_ONLY)
