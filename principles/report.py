"""Principles for people: a table, one in full, and what is wrong with a directory of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from egg_search.core.errors import UserError
from principles.expressions import compile_expression
from principles.library import Library, files
from principles.model import Principle
from principles.parse import parse


class Row(NamedTuple):
    """One line of `egg principles list`, as text."""

    group: str
    name: str
    title: str
    kinds: str
    does: str


def rows(library: Library) -> list[Row]:
    """In library order."""
    return [Row(each.group, each.name, each.title, ", ".join(each.kinds) or "any", _does(each)) for each in library]


def show(principle: Principle, experience: Sequence[str] = ()) -> str:
    """All that is known of one principle, prose last. `experience` are lines on what it brought."""
    record = {
        "group": principle.group,
        "kinds": ", ".join(principle.kinds) or "any",
        "dialects": ", ".join(principle.dialects) or "any",
        "applies": principle.applies,
        "precision": principle.precision,
        "constraints": " and ".join(f"({each})" for each in principle.constraints) or "none",
        "does": _does(principle) or "binds only",
        "source": principle.source,
    }
    width = max(map(len, record))
    lines = [*record.items(), *(("experience" if not n else "", line) for n, line in enumerate(experience))]
    head = "\n".join(f"{key:{width}}  {value}" for key, value in lines)
    return f"{principle.name}: {principle.title}\n\n{head}\n\n{principle.prose}\n"


def check(dirs: Sequence[Path | str], known_roles: Collection[str]) -> list[str]:
    """Everything wrong in the bundled principles and in `dirs`, one line each, with the file.

    `known_roles` are the schedule decisions and structure choices that some generator offers.
    """
    problems, seen = [], {}
    for path in files(dirs):
        if path.stem in seen:
            problems.append(f"{path}:1: principle {path.stem!r} exists already: {seen[path.stem]}")
        seen.setdefault(path.stem, path)
        try:
            problems += [f"{path}: {each}" for each in _doubts(parse(path), known_roles)]
        except UserError as error:
            problems.append(str(error))
    return problems


def _doubts(principle: Principle, known_roles: Collection[str]) -> list[str]:
    """What is well formed and yet without effect."""
    found = [
        f"{where}: no generator knows the role {role!r}"
        for where, roles in (("sets", principle.sets), ("knobs", principle.knobs))
        for role in roles
        if role not in known_roles
    ]
    for text in principle.constraints:
        if all("." in name for name in compile_expression(text).names):
            found.append(f"constraint `{text}` names no knob, so it binds nothing; put it into `applies`")
    if not (principle.sets or principle.knobs or principle.constraints):
        found.append("it sets nothing, opens no knob and constrains nothing")
    return found


def _does(principle: Principle) -> str:
    fixed = [f"{role} = {value}" for role, value in principle.sets.items()]
    opened = [f"{role}: {' | '.join(map(str, choices))}" for role, choices in principle.knobs.items()]
    return "; ".join(fixed + opened)
