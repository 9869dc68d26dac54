"""Kinds of accumulation in a Triton function: sums, maxima, products of matrices, scans.

A reduction of a tile and an accumulator that is carried through a loop of tiles are the same kind: how much of a row a
program holds at a time is a lever. Counters and pointers that advance are not accumulations.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from egg_search.core.signature.triton_pointers import called

_REDUCTIONS = {"sum": "sum", "max": "max", "min": "min", "argmax": "argmax", "argmin": "argmin", "xor_sum": "xor"}
_SCANS = frozenset(["cumsum", "cumprod", "associative_scan"])
_PIECES = {"max": "max", "maximum": "max", "min": "min", "minimum": "min", "argmax": "argmax", "argmin": "argmin"}
_PIECES |= dict.fromkeys(("sum", "add", "plus"), "sum") | dict.fromkeys(("mul", "prod", "product"), "product")


def accumulations(node: ast.FunctionDef) -> Iterator[str]:
    skipped = _positions(node)
    for each in ast.walk(node):
        match each:
            case ast.Call():
                yield from _call(each)
            case ast.For() | ast.While():
                for statement in ast.walk(each):
                    yield from _carried(statement, skipped)


def _call(node: ast.Call) -> Iterator[str]:
    name = called(node)
    if name in _REDUCTIONS and isinstance(node.func, ast.Attribute):
        yield _REDUCTIONS[name]
    elif name in ("dot", "dot_scaled"):
        yield "dot"
    elif name in _SCANS:
        yield "scan"
    elif name == "reduce" and len(node.args) > 2:
        pieces = ast.unparse(node.args[2]).lower().split("_")
        yield next((_PIECES[p] for p in pieces if p in _PIECES), "reduce")


def _carried(statement: ast.AST, skipped: frozenset[str]) -> Iterator[str]:
    """What a statement in a loop adds to a variable."""
    match statement:
        case ast.AugAssign(target=ast.Name(id=name), op=ast.Add() | ast.Sub()) if name not in skipped:
            yield "sum"
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in skipped and _mentions(value, name):
            if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub)):
                yield "sum"
            elif isinstance(value, ast.Call):
                pieces = called(value).lower().split("_")
                yield from (kind for kind in (_PIECES.get(p) for p in pieces) if kind)


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def _positions(node: ast.FunctionDef) -> frozenset[str]:
    """Names that lead to where memory is read and written, or where a loop stands."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and called(each) in ("load", "store", "advance") and each.args:
            found |= _names(each.args[0])
    assigned = [a for a in ast.walk(node) if isinstance(a, ast.Assign)]
    before = -1
    while before != len(found):
        before = len(found)
        for each in assigned:
            if any(isinstance(t, ast.Name) and t.id in found for t in each.targets) and not _loads(each.value):
                found |= _names(each.value)
    return frozenset(found)


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _loads(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Call) and called(each) == "load" for each in ast.walk(node))
