"""Reads one principle: a Markdown file with a TOML head between `+++` lines. For writers: `docs/principles.md`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from egg_search.core.candidate import Dialect
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.verdict import PrecisionClass
from principles.expressions import ExpressionError, compile_expression
from principles.model import GROUPS, Principle

_HEAD = re.compile(r"\A\+\+\+[ \t]*\n(?P<head>.*?)^\+\+\+[ \t]*\n(?P<prose>.*)\Z", re.DOTALL | re.MULTILINE)
_TOML_LINE = re.compile(r"at line (\d+)")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_ROLE = re.compile(r"[a-z][a-z0-9_]*")
_HARDWARE = frozenset(field.name for field in fields(Hardware))
_REQUIRED = ("title", "source")
_OPTIONAL = ("dialects", "kinds", "applies", "constraints", "precision", "sets", "knobs")


def parse(path: Path) -> Principle:
    """The principle in `path`; its name is the file's, its group the folder's. Raises UserError with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    reader = _Reader(path, text)
    match = _HEAD.match(text)
    if match is None:
        raise reader.error("a principle starts with a TOML head between two lines `+++`", needle="")
    if not _NAME.fullmatch(path.stem):
        raise reader.error("the file's name is the principle's: lower case, digits and hyphens")
    if path.parent.name not in GROUPS:
        raise reader.error(f"a principle lies in a folder named after its group: {', '.join(GROUPS)}")
    return reader.principle(match["head"], match["prose"].strip())


class _Reader:
    """One file being read: checks values and says where they are wrong."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.lines = path, text.splitlines()

    def error(self, message: str, needle: str = "+++") -> UserError:
        """An error at the first line that holds `needle`."""
        line = next((i for i, text in enumerate(self.lines, 1) if needle in text), 1)
        return UserError(f"{self.path}:{line}: {message}")

    def principle(self, head_text: str, prose: str) -> Principle:
        head = self._toml(head_text)
        for key in head:
            if key not in (*_REQUIRED, *_OPTIONAL):
                raise self.error(f"unknown key {key!r}; use {', '.join((*_REQUIRED, *_OPTIONAL))}", f"{key} ")
        for key in _REQUIRED:
            if not isinstance(head.get(key), str) or not head[key].strip():
                raise self.error(f"`{key}` is missing or not a text")
        if not prose:
            raise self.error("no prose after the head: say why, when and when not")
        applies = head.get("applies", "True")
        self._expression("applies", applies, roles=False)
        constraints = self._texts(head, "constraints")
        for constraint in constraints:
            self._expression("constraints", constraint, roles=True)
        return Principle(
            name=self.path.stem,
            title=head["title"],
            group=self.path.parent.name,
            prose=prose,
            source=head["source"],
            dialects=self._dialects(head),
            kinds=self._texts(head, "kinds"),
            applies=applies,
            constraints=constraints,
            precision=self._precision(head),
            sets=self._sets(head),
            knobs=self._knobs(head),
        )

    def _toml(self, head: str) -> dict[str, Any]:
        try:
            return tomllib.loads(head)
        except tomllib.TOMLDecodeError as error:
            found = _TOML_LINE.search(str(error))
            line = int(found[1]) + 1 if found else head.count("\n") + 1
            raise UserError(f"{self.path}:{line}: the head is not TOML: {error}") from None

    def _texts(self, head: dict[str, Any], key: str) -> tuple[str, ...]:
        value = head.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"`{key}` is a list of texts", key)
        return tuple(value)

    def _dialects(self, head: dict[str, Any]) -> tuple[str, ...]:
        dialects = self._texts(head, "dialects")
        for dialect in dialects:
            if dialect not in list(Dialect):
                raise self.error(f"no dialect {dialect!r}; use {', '.join(Dialect)}", "dialects")
        return dialects

    def _precision(self, head: dict[str, Any]) -> PrecisionClass:
        value = head.get("precision", PrecisionClass.FAITHFUL)
        if value not in list(PrecisionClass):
            raise self.error(f"no class of precision {value!r}; use {', '.join(PrecisionClass)}", "precision")
        return PrecisionClass(value)

    def _expression(self, key: str, text: Any, roles: bool) -> None:
        if not isinstance(text, str):
            raise self.error(f"`{key}` is an expression in quotes", key)
        needle = text.strip().splitlines()[0] if text.strip() else key
        try:
            names = compile_expression(text).names
        except ExpressionError as error:
            raise self.error(f"{key}: {error}", needle) from None
        machine = sorted(name for name in names if name.startswith("hw.") and name[3:] not in _HARDWARE)
        if machine:
            raise self.error(f"{key}: no {machine[0]}; hardware has {', '.join(sorted(_HARDWARE))}", needle)
        bare = sorted(name for name in names if "." not in name)
        if bare and not roles:
            raise self.error(f"{key}: `{bare[0]}` is a knob role; here only kernel.* and hw.* are known", needle)

    def _sets(self, head: dict[str, Any]) -> dict[str, Any]:
        sets = self._roles(head, "sets")
        for role, value in sets.items():
            if not isinstance(value, (bool, int, float, str)):
                raise self.error(f"sets: {role} is one number, text or boolean", f"{role} ")
        return sets

    def _knobs(self, head: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        knobs = self._roles(head, "knobs")
        for role, choices in knobs.items():
            plain = isinstance(choices, list) and all(isinstance(each, (bool, int, float, str)) for each in choices)
            if not plain or len(set(map(repr, choices))) != len(choices) or len(choices) < 2:
                raise self.error(f"knobs: {role} is a list of two or more different choices", f"{role} =")
        return {role: tuple(choices) for role, choices in knobs.items()}

    def _roles(self, head: dict[str, Any], key: str) -> dict[str, Any]:
        table = head.get(key, {})
        if not isinstance(table, dict):
            raise self.error(f"`{key}` is a table: [{key}]", key)
        for role in table:
            if not _ROLE.fullmatch(role):
                raise self.error(f"{key}: {role!r} is not a role: lower case, digits and underscores", role)
        return table
