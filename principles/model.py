"""A principle: one piece of expert knowledge, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egg_search.core.knobs import Lever, Value
from egg_search.core.verdict import PrecisionClass

GROUPS = ("structure", *(str(lever) for lever in Lever))  # also the folders


@dataclass(frozen=True)
class Principle:
    """Parsed from one Markdown file with a TOML head; see `docs/principles.md` for how to write one.

    Expressions are over `kernel.*` (facts of one kernel), `hw.*` (hardware) and, in constraints, knob roles.
    """

    name: str
    title: str
    group: str  # "structure" or a lever: mapping, tiling, staging, precision
    prose: str
    source: str  # where the knowledge comes from
    dialects: tuple[str, ...] = ()  # empty: every dialect
    kinds: tuple[str, ...] = ()  # kinds of kernel it speaks of; empty: every kind
    applies: str = "True"
    constraints: tuple[str, ...] = ()
    precision: PrecisionClass = PrecisionClass.FAITHFUL  # searches that accept no more than a better class leave it out
    sets: Mapping[str, Value] = field(default_factory=dict)  # schedule decisions (or structure choices) it fixes
    knobs: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)  # roles it opens, with choices
