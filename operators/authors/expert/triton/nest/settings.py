"""The values of a kernel's decisions, as the text that its launch uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egg_search.core.knobs import Knob, Value
from operators.authors.expert.plan import Decision


@dataclass(frozen=True)
class Settings:
    """`prefix` is that of the kernel's knobs ("K0")."""

    prefix: str
    decisions: Mapping[str, Decision]

    def value(self, name: str) -> Value:
        return self.decisions[name].value

    def text(self, name: str) -> str:
        """The knob's name if the decision is one, else its value."""
        knob = self.decisions[name].knob(self.prefix)
        return knob.name if knob else repr(self.value(name))

    def every(self, name: str) -> tuple[Value, ...]:
        """All values that it may take."""
        decision = self.decisions.get(name)
        return (decision.value, *decision.choices) if decision else ()

    def ever(self, name: str) -> bool:
        """Whether it may be anything but off (0 or "")."""
        return any(self.every(name))

    def divides(self, name: str, size: int) -> bool:
        return bool(self.every(name)) and all(size % int(value) == 0 for value in self.every(name))

    def knobs(self, used: list[str]) -> tuple[Knob, ...]:
        found = (self.decisions[name].knob(self.prefix) for name in used if name in self.decisions)
        return tuple(knob for knob in found if knob)
