"""Overrides of module-level constants, written into the source so that dependent constants follow."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from egg_search.core.errors import UserError
from egg_search.core.problem.source import bound_names, parse


def parse_overrides(settings: Iterable[str]) -> dict[str, Any]:
    """`["dim=1024", "mode='fast'"]` as a dict; values are Python literals. Raises UserError with the bad setting."""
    overrides: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if not equals or not name.isidentifier():
            raise UserError(f"--set {setting}: write it as NAME=VALUE, for example --set dim=1024")
        if name in overrides:
            raise UserError(f"--set {setting}: {name} is set twice")
        try:
            overrides[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise UserError(f"--set {setting}: {text!r} is not a Python literal; put quotes around text") from None
    return overrides


@dataclass(frozen=True)
class Assignment:
    """One unconditional module-level assignment to a name.

    `value` is the expression that only this name receives; None when it shares it (`a = b = 1`, `a, b = pair`),
    and then an override is a second assignment right behind `statement`.
    """

    name: str
    value: ast.expr | None
    statement: ast.stmt


def constants(source: str, where: str = "problem") -> dict[str, list[Assignment]]:
    """What can be overridden: name to its assignments, in order of first appearance.

    Names that the module also changes otherwise (`n += 1`, `del n`, a loop variable) are no constants.
    """
    tree = parse(source, where)
    found: dict[str, list[Assignment]] = {}
    for statement in tree.body:
        for assignment in _assignments(statement):
            found.setdefault(assignment.name, []).append(assignment)
    changed: set[str] = set()
    for statement in tree.body:
        changed |= bound_names([statement]) - {assignment.name for assignment in _assignments(statement)}
    return {name: each for name, each in found.items() if name not in changed and name != "PROFILES"}


def overridden_source(source: str, overrides: Mapping[str, Any], where: str = "problem") -> str:
    """`source` with every assignment to an overridden name giving it the override instead; the rest stays.

    Raises UserError for a name that is no constant and for a value that has no literal form.
    """
    known = constants(source, where)
    edits: list[tuple[tuple[int, int], tuple[int, int], str]] = []
    for name, value in overrides.items():
        if name not in known:
            raise UserError(f"{where}: no module-level constant {name} to set; it has {', '.join(known) or 'none'}")
        edits.extend(_edit(assignment, _literal(name, value, where)) for assignment in known[name])
    lines = source.encode().splitlines(keepends=True)  # bytes: as the parser counts columns and lines
    for start, end, text in sorted(edits, reverse=True):
        before, after = lines[start[0] - 1][: start[1]], lines[end[0] - 1][end[1] :]
        lines[start[0] - 1 : end[0]] = [before + text.encode() + after]
    return b"".join(lines).decode()


def _assignments(statement: ast.stmt) -> list[Assignment]:
    if isinstance(statement, ast.AnnAssign):
        if isinstance(statement.target, ast.Name) and statement.value is not None:
            return [Assignment(statement.target.id, statement.value, statement)]
    elif isinstance(statement, ast.Assign):
        shared = len(statement.targets) > 1
        pairs = [pair for target in statement.targets for pair in _pairs(target, statement.value)]
        return [Assignment(name, None if shared else value, statement) for name, value in pairs]
    return []


def _pairs(target: ast.expr, value: ast.expr | None) -> list[tuple[str, ast.expr | None]]:
    """(name, its own part of `value`) for every name that an assignment target binds."""
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if isinstance(target, ast.Starred):
        return _pairs(target.value, None)
    if not isinstance(target, (ast.Tuple, ast.List)):
        return []
    parts: list[ast.expr | None] = [None] * len(target.elts)
    matching = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
    if matching and not any(isinstance(each, ast.Starred) for each in (*value.elts, *target.elts)):
        parts = list(value.elts)
    return [pair for each, part in zip(target.elts, parts, strict=True) for pair in _pairs(each, part)]


def _edit(assignment: Assignment, literal: str) -> tuple[tuple[int, int], tuple[int, int], str]:
    node = assignment.value
    if node is None:
        end = (assignment.statement.end_lineno, assignment.statement.end_col_offset)
        return end, end, f"; {assignment.name} = {literal}"
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset), literal


def _literal(name: str, value: Any, where: str) -> str:
    text = repr(value)
    try:
        same = ast.literal_eval(text) == value
    except (ValueError, SyntaxError):
        same = False
    if not same:
        raise UserError(f"{where}: {name} cannot be set to {text}: it has no form as a Python literal")
    return text
