"""Kinds of accumulation in a C++ function: sum, product, max, min.

Found in statements such as `s += x`, `s = fmaf(x, y, s)` and `m = std::max(m, x)`. Counters and pointers that advance
are not accumulations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from egg_search.core.signature.cpp_text import Function

_INTEGER = re.compile(r"int|long|short|char|unsigned|signed|bool|s?size_t|\w*ptr(diff)?_t|u?int\d+_t|[iu]\d+")
_POINTED = frozenset(["float", "double", "void", "const"])
_RESTRICT = frozenset(["restrict", "__restrict__", "__restrict"])
_COMPOUND = {"+=": "sum", "-=": "sum", "*=": "product"}
_NAMED = {"max": "max", "fmax": "max", "fmaxf": "max", "min": "min", "fmin": "min", "fminf": "min"}
_SUMS = frozenset(["fma", "fmaf", "add", "fmadd", "sum"])


def accumulations(function: Function) -> Iterator[str]:
    skipped = _counters(function)
    for statement in _statements(function.body):
        for position, token in enumerate(statement):
            if token in _COMPOUND or token == "=":
                target, subscripted = _target(statement[:position])
                kind = _kind(token, target, statement[position + 1 :])
                # An element of memory that is scaled in place is no running product.
                if (
                    target
                    and kind
                    and (subscripted or target not in skipped)
                    and not (kind == "product" and subscripted)
                ):
                    yield kind
                break


def _kind(operator: str, target: str, value: list[str]) -> str | None:
    if operator in _COMPOUND:
        return _COMPOUND[operator]
    if target not in value:
        return None
    pieces = {piece for token in value for piece in token.lower().split("_")}
    for piece in pieces & _NAMED.keys():
        return _NAMED[piece]
    if pieces & _SUMS or "+" in value:
        return "sum"
    if "mul" in pieces or "*" in value:
        return "product"
    if "?" in value and ("<" in value or ">" in value):
        # `m = x > m ? x : m`: the larger is kept if what is compared as larger comes first.
        return "max" if (">" in value) == (value[0] != target) else "min"
    return None


def _target(tokens: list[str]) -> tuple[str, bool]:
    """The name that is assigned to, and whether through a subscript or a pointer."""
    depth, subscripted = 0, False
    for token in reversed(tokens):
        if token == "]":
            depth, subscripted = depth + 1, True
        elif token == "[":
            depth -= 1
        elif depth == 0 and (token[0].isalpha() or token[0] == "_"):
            return token, subscripted or tokens[:1] == ["*"]
    return "", subscripted


def _statements(body: list[str]) -> Iterator[list[str]]:
    """Cut at semicolons, braces and the parts of a for-header."""
    statement: list[str] = []
    for token in body:
        if token in (";", "{", "}"):
            yield statement
            statement = []
        else:
            statement.append(token)
    yield statement


def _counters(function: Function) -> frozenset[str]:
    """Names declared as integers or pointers anywhere in the function."""
    found: set[str] = set()
    for statement in (*function.parameters, *_statements(function.body)):
        for i, token in enumerate(statement[:-1]):
            following = statement[i + 1]
            named = following[0].isalpha() or following[0] == "_"
            pointer = token == "*" and i > 0 and (statement[i - 1] in _POINTED or _INTEGER.fullmatch(statement[i - 1]))
            if named and (pointer or _INTEGER.fullmatch(token) or token in _RESTRICT):
                found.add(following)
        if any(map(_INTEGER.fullmatch, statement[:4])):
            found |= {statement[i + 1] for i, token in enumerate(statement[:-1]) if token == ","}
    return frozenset(found)
