"""The values of a kernel's decisions, as macros of its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from egg_search.core.knobs import Knob, Value
from operators.authors.expert.plan import Decision


@dataclass(frozen=True)
class Settings:
    """`prefix` is that of the kernel's knobs ("K0")."""

    prefix: str
    decisions: Mapping[str, Decision]

    def __contains__(self, name: str) -> bool:
        return name in self.decisions

    def value(self, name: str) -> Value:
        return self.decisions[name].value

    def text(self, name: str) -> str:
        """Python text: the knob's name if the decision is one, else its value."""
        knob = self.decisions[name].knob(self.prefix)
        return knob.name if knob else repr(self.value(name))

    def knobs(self, used: Iterable[str]) -> tuple[Knob, ...]:
        found = (self.decisions[name].knob(self.prefix) for name in used if name in self.decisions)
        return tuple(knob for knob in found if knob)
