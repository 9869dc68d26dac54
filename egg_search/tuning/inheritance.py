"""Configurations that are worth trying first: the parent's, and what similar candidates liked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from egg_search.core.knobs import Configuration, Knob, Value

Knobs = Mapping[str, Knob]


def inherit(parent: Knobs, best: Configuration, child: Knobs) -> dict[str, Value]:
    """The child's defaults, with the parent's best values wherever the draft left the knob's default alone."""
    return {
        knob.name: best[knob.name] if _carries_over(parent, best, knob) else knob.default for knob in child.values()
    }


def _carries_over(parent: Knobs, best: Configuration, knob: Knob) -> bool:
    mine = parent.get(knob.name)
    return mine is not None and repr(mine.default) == repr(knob.default) and _offers(knob, best.get(knob.name))


def by_roles(knobs: Knobs, liked: Iterable[tuple[Knobs, Configuration]]) -> dict[str, Value]:
    """Each knob at the value that its role has most often in `liked`, the best configurations of other candidates.

    Votes come best first and ties go to the earlier. A role without votes keeps its default.
    """
    votes: dict[str, Counter[str]] = {}
    for other, configuration in liked:
        for knob in other.values():
            if knob.name in configuration:
                votes.setdefault(knob.role, Counter())[repr(configuration[knob.name])] += 1
    return {name: _elected(knob, votes.get(knob.role, Counter())) for name, knob in knobs.items()}


def _elected(knob: Knob, votes: Counter[str]) -> Value:
    choices = {repr(choice): choice for choice in knob.choices}
    return next((choices[text] for text, _ in votes.most_common() if text in choices), knob.default)


def _offers(knob: Knob, value: Value | None) -> bool:
    return repr(value) in map(repr, knob.choices)
