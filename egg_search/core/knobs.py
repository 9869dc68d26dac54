"""Knobs: module-level constants of a candidate whose comment declares their choices.

    BLOCK_M = 128  # knob tiling: 64 | 128 | 256

The line is valid Python with a valid default. Binding a knob rewrites the literal and nothing else.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from egg_search.core.errors import UserError
from egg_search.core.syntax import literal, parse

Value = int | float | bool | str
Configuration = Mapping[str, Value]


class Lever(StrEnum):
    """The part of a schedule that a knob, a principle or an operator owns."""

    MAPPING = "mapping"
    TILING = "tiling"
    STAGING = "staging"
    PRECISION = "precision"


class KnobError(UserError):
    """A knob comment that does not parse, or a configuration that does not fit the knobs."""


@dataclass(frozen=True)
class Knob:
    """One tunable constant. `default` is always one of `choices`."""

    name: str
    lever: Lever
    default: Value
    choices: tuple[Value, ...]
    line: int = 0

    def __post_init__(self) -> None:
        if not self.choices:
            raise KnobError(f"line {self.line}: knob {self.name} declares no choices")
        if len(set(map(repr, self.choices))) != len(self.choices):
            raise KnobError(f"line {self.line}: knob {self.name} declares a choice twice")
        if repr(self.default) not in map(repr, self.choices):
            raise KnobError(f"line {self.line}: default {self.default!r} of knob {self.name} is not among its choices")

    @property
    def role(self) -> str:
        """What principles call this knob: lower case, without the kernel's prefix (`K0_TILE_M` is `tile_m`)."""
        return re.sub(r"^K\d+_", "", self.name).lower()

    def declaration(self) -> str:
        """The source line that declares this knob."""
        return f"{self.name} = {self.default!r}  # knob {self.lever}: {' | '.join(map(repr, self.choices))}"


_MARK = re.compile(r"#\s*knob\b(?P<rest>.*)")
_REST = re.compile(r"\s+(?P<lever>\w+)\s*:(?P<choices>.*)")


def parse_knobs(source: str) -> dict[str, Knob]:
    """All knobs that `source` declares, in order. Raises KnobError with the line number when one is malformed."""
    assignments = _module_assignments(source)
    knobs: dict[str, Knob] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        mark = _MARK.match(token.string) if token.type == tokenize.COMMENT else None
        if mark is None:
            continue
        knob = _parse_one(token.start[0], mark["rest"], assignments)
        if knob.name in knobs:
            raise KnobError(f"line {knob.line}: knob {knob.name} is declared twice")
        knobs[knob.name] = knob
    return knobs


def bind(source: str, configuration: Configuration) -> str:
    """`source` with the literals of the knobs in `configuration` rewritten; every other byte stays.

    Raises KnobError for an unknown knob and for a value that is not one of the knob's choices.
    """
    knobs = parse_knobs(source)
    check_configuration(knobs, configuration)
    lines = source.splitlines(keepends=True)
    assignments = _module_assignments(source)
    for name, value in configuration.items():
        node = assignments[knobs[name].line][1]
        text = lines[node.lineno - 1].encode()
        lines[node.lineno - 1] = (text[: node.col_offset] + repr(value).encode() + text[node.end_col_offset :]).decode()
    return "".join(lines)


def check_configuration(knobs: Mapping[str, Knob], configuration: Configuration) -> None:
    """Raises KnobError unless every entry names a knob and is one of its choices."""
    for name, value in configuration.items():
        if name not in knobs:
            raise KnobError(f"no knob named {name}; the candidate has {', '.join(knobs) or 'none'}")
        if repr(value) not in map(repr, knobs[name].choices):
            choices = " | ".join(map(repr, knobs[name].choices))
            raise KnobError(f"{value!r} is not a choice of knob {name}: {choices}")


def _module_assignments(source: str) -> dict[int, tuple[str, ast.expr]]:
    """Line number to (name, value) of the module's single-line `NAME = literal` statements."""
    try:
        tree = parse(source)
    except SyntaxError as error:
        raise KnobError(f"line {error.lineno}: {error.msg}") from None
    return {
        node.lineno: (node.targets[0].id, node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and node.lineno == node.end_lineno
    }


def _parse_one(line: int, rest: str, assignments: Mapping[int, tuple[str, ast.expr]]) -> Knob:
    match = _REST.fullmatch(rest)
    if match is None:
        raise KnobError(f"line {line}: a knob comment reads '# knob LEVER: choice | choice', not '# knob{rest}'")
    if line not in assignments:
        raise KnobError(f"line {line}: a knob comment must follow a module-level assignment NAME = literal")
    name, value = assignments[line]
    try:
        lever = Lever(match["lever"])
    except ValueError:
        raise KnobError(f"line {line}: knob {name}: no lever {match['lever']!r}; use {', '.join(Lever)}") from None
    default = _literal(ast.unparse(value), name, line)
    choices = tuple(_literal(text.strip(), name, line) for text in match["choices"].split("|"))
    return Knob(name, lever, default, choices, line)


def _literal(text: str, name: str, line: int) -> Value:
    try:
        value = literal(text)
    except (ValueError, SyntaxError):
        value = None
    if not isinstance(value, (int, float, bool, str)):
        raise KnobError(f"line {line}: knob {name}: {text!r} is not a number, string or boolean literal")
    return value
