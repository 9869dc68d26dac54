"""Constraints of principles in numbers: hardware and the kernel's facts put in, and what they decide left out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from egg_search.core.candidate import Candidate
from egg_search.core.syntax import parse
from operators.base import Brief
from principles.expressions import UNKNOWN, ExpressionError, compile_expression
from principles.model import Principle


def in_numbers(expression: str, constants: Mapping[str, Any]) -> str | None:
    """The constraint over knob roles alone; None where it is decided, or needs what is not known."""
    node = _Numbers(constants).visit(parse(expression.strip(), mode="eval").body)
    if isinstance(node, ast.Constant) or any(isinstance(each, ast.Attribute) for each in ast.walk(node)):
        return None
    return ast.unparse(node)


def binding(brief: Brief, roles: Iterable[str]) -> list[str]:
    """Lines `K0: constraint`, of all that bind the parent's kernels (or any kernel) and read one of `roles`."""
    facts: Mapping[str, Mapping[str, Any]] = (brief.parent.facts if brief.parent else {}) or {"": {}}
    wanted, found = set(roles), []
    for scope, known in facts.items():
        constants = {f"hw.{name}": value for name, value in brief.hardware.facts().items()}
        constants |= {f"kernel.{name}": value for name, value in known.items()}
        for text in _constraints(brief, known):
            if (line := in_numbers(text, constants)) and wanted & compile_expression(line).names:
                found.append(f"{scope}: {line}" if scope else line)
    return list(dict.fromkeys(found))


def roles_of(principles: Iterable[Principle], parent: Candidate | None = None, lever: str | None = None) -> set[str]:
    """Knob roles that these principles set or open, and those of the parent's knobs of the lever."""
    opened = {role for each in principles for role in (*each.sets, *each.knobs)}
    return opened | {k.role for k in (parent.knobs.values() if parent else ()) if k.lever == lever}


def _constraints(brief: Brief, facts: Mapping[str, Any]) -> Iterator[str]:
    for principle in brief.library:
        kind = facts.get("kind")
        dialects, kinds = principle.dialects, principle.kinds
        if (not dialects or brief.dialect in dialects) and (not kinds or kind is None or kind in kinds):
            yield from principle.constraints


class _Numbers(ast.NodeTransformer):
    """Puts constants in, evaluates what has no names left, and drops what decides nothing of `and` and `or`."""

    def __init__(self, constants: Mapping[str, Any]) -> None:
        self._constants = constants

    def visit(self, node: ast.AST) -> Any:
        node = super().visit(node)
        return _evaluated(node) if isinstance(node, ast.expr) and not isinstance(node, ast.Name) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        value = self._constants.get(ast.unparse(node))
        return ast.Constant(value) if isinstance(value, (bool, int, float, str)) else node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        deciding = isinstance(node.op, ast.Or)
        left = []
        for value in map(self.visit, node.values):
            if not isinstance(value, ast.Constant):
                left.append(value)
            elif bool(value.value) is deciding:
                return ast.Constant(deciding)
        if not left:
            return ast.Constant(not deciding)
        return left[0] if len(left) == 1 else ast.BoolOp(node.op, left)


def _evaluated(node: ast.expr) -> ast.expr:
    if isinstance(node, (ast.Constant, ast.Tuple, ast.List)):
        return node
    try:
        expression = compile_expression(ast.unparse(node))
    except ExpressionError:
        return node
    value = UNKNOWN if expression.names else expression.evaluate({})
    return node if value is UNKNOWN else ast.Constant(value)
