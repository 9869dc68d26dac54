"""The expression language of principles: safe, compiled once, three-valued.

Python syntax, of which these parts: numbers, strings, tuples of them, names (`tile_m`), attributes of `kernel` and
`hw`, `+ - * / // %`, comparisons (chains too), `in`, `and or not`, and the functions `min max abs log2`.

A name that has no value makes what needs it UNKNOWN, and so does arithmetic that cannot be done (a division by zero, a
string times a number). `and` and `or` follow Kleene: `False and UNKNOWN` is False, `True or UNKNOWN` is True.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from egg_search.core.syntax import parse

Environment = Mapping[str, Any]  # "kernel.rows", "hw.cores", "tile_m" to values
_Evaluate = Callable[[Environment], Any]


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


class ExpressionError(ValueError):
    """A text outside the language; the message says which part."""


@dataclass(frozen=True)
class Expression:
    """`names` are the dotted names it reads. When the whole is one comparison, `sides` are its two operands."""

    text: str
    names: frozenset[str]
    evaluate: _Evaluate
    sides: tuple[_Evaluate, str, _Evaluate] | None = None

    def explain(self, environment: Environment) -> str:
        """Why this is false: `131072 > 49152` for one comparison, else the values of its names."""
        if self.sides:
            left, symbol, right = self.sides
            return f"{_show(left(environment))} {_OPPOSITE[symbol]} {_show(right(environment))}"
        return ", ".join(f"{name} = {_show(environment.get(name, UNKNOWN))}" for name in sorted(self.names))


_ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.In: ("in", lambda item, container: item in container),
    ast.NotIn: ("not in", lambda item, container: item not in container),
}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "in": "not in", "not in": "in"}
_FUNCTIONS = {"min": min, "max": max, "abs": abs, "log2": math.log2}


@cache
def compile_expression(text: str) -> Expression:
    """Raises ExpressionError for anything that is not in the language."""
    try:
        body = parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise ExpressionError(f"{getattr(error, 'msg', error)} in `{text}`") from None
    names: set[str] = set()
    evaluate = _compile(body, names)
    sides = None
    if isinstance(body, ast.Compare) and len(body.ops) == 1:
        symbol = _COMPARE[type(body.ops[0])][0]
        sides = (_compile(body.left, names), symbol, _compile(body.comparators[0], names))
    return Expression(text.strip(), frozenset(names), evaluate, sides)


def _compile(node: ast.expr, names: set[str]) -> _Evaluate:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return lambda environment: value
        case ast.Name(id=name) if name not in ("kernel", "hw"):
            return _name(name, names)
        case ast.Attribute(value=ast.Name(id="kernel" | "hw" as owner), attr=attr):
            return _name(f"{owner}.{attr}", names)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return _strict(lambda *values: values, [_compile(item, names) for item in items])
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _strict(_numeric(_ARITHMETIC[type(op)]), [_compile(left, names), _compile(right, names)])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _strict(_numeric(operator.neg), [_compile(operand, names)])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _strict(operator.not_, [_compile(operand, names)])
        case ast.BoolOp(op=op, values=values):
            return _kleene(isinstance(op, ast.Or), [_compile(value, names) for value in values])
        case ast.Compare(left=left, ops=ops, comparators=comparators) if all(type(op) in _COMPARE for op in ops):
            operands = [_compile(each, names) for each in (left, *comparators)]
            pairs = zip(operands, ops, operands[1:], strict=False)
            return _kleene(False, [_strict(_COMPARE[type(op)][1], [a, b]) for a, op, b in pairs])
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS and args:
            return _strict(_numeric(_FUNCTIONS[name]), [_compile(arg, names) for arg in args])
    raise ExpressionError(f"`{ast.unparse(node)}` is not allowed in an expression")


def _name(name: str, names: set[str]) -> _Evaluate:
    names.add(name)
    return lambda environment: environment.get(name, UNKNOWN)


def _strict(function: Callable[..., Any], operands: list[_Evaluate]) -> _Evaluate:
    """`function` of the operands; UNKNOWN when one of them is, or when it cannot be computed."""

    def evaluate(environment: Environment) -> Any:
        values = [operand(environment) for operand in operands]
        if UNKNOWN in values:
            return UNKNOWN
        try:
            return function(*values)
        except (ArithmeticError, TypeError, ValueError):
            return UNKNOWN

    return evaluate


def _numeric(function: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*values: Any) -> Any:
        if not all(isinstance(value, (int, float)) for value in values):
            raise TypeError("arithmetic is for numbers")
        return function(*values)

    return checked


def _kleene(absorbing: bool, operands: list[_Evaluate]) -> _Evaluate:
    """`or` when `absorbing` is True, `and` when it is False: one operand that is `absorbing` decides."""

    def evaluate(environment: Environment) -> Any:
        result: Any = not absorbing
        for operand in operands:
            value = operand(environment)
            if value is UNKNOWN:
                result = UNKNOWN
            elif bool(value) is absorbing:
                return absorbing
        return result

    return evaluate


def _show(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)
