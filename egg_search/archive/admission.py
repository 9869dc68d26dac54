"""Which verdicts count: the one rule that archive, studies, front and reports go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from egg_search.core.verdict import Outcome, PrecisionClass, Verdict
from evaluator.static import LIBRARY_ONLY, UNREADABLE, has_flag

_PORT = "a library port: no kernel is loaded, and library ports do not count here"


@dataclass(frozen=True)
class Admission:
    """`precision` is the loosest class that counts. Without `library_ports`, what launches no kernel does not."""

    precision: PrecisionClass = PrecisionClass.FAITHFUL
    library_ports: bool = True

    def __call__(self, verdict: Verdict) -> bool:
        return verdict.ok and self.as_seen(verdict).ok

    def as_seen(self, verdict: Verdict) -> Verdict:
        """The verdict, or the refusal that an ok one amounts to where it does not count."""
        if not verdict.ok:
            return verdict
        why = self.refusal_by_flags(verdict.flags)
        if verdict.errors.precision.rank > self.precision.rank:
            why = f"only {verdict.errors.precision}, less exact than {self.precision}"
        return Verdict(Outcome.REFUSED, why, verdict.flags) if why else verdict

    def refusal_by_flags(self, flags: Sequence[str]) -> str | None:
        """Why nothing with these flags counts, whatever is measured of it."""
        if self.library_ports:
            return None
        if has_flag(flags, UNREADABLE):
            return "static analysis cannot tell whether it loads a kernel, and library ports do not count here"
        return _PORT if has_flag(flags, LIBRARY_ONLY) else None
