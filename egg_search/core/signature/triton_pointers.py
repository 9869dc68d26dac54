"""Which parameters of a Triton function are pointers that it reads, and which it writes."""

from __future__ import annotations

import ast
from collections.abc import Mapping

_WRITES = ("store", "store_tensor_descriptor")
_ADDRESSES = frozenset(
    "make_block_ptr make_tensor_descriptor advance multiple_of max_contiguous broadcast_to to expand_dims".split()
)


def parameters(node: ast.FunctionDef) -> list[str]:
    """The names that a launch gives values to; constants known at compile time are levers."""
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return [a.arg for a in arguments if "constexpr" not in (ast.unparse(a.annotation) if a.annotation else "")]


def directions(node: ast.FunctionDef, defined: Mapping[str, ast.FunctionDef], depth: int = 8) -> dict[str, str]:
    """Parameter to "read", "write" (also of what is read and written) or "" for what is no pointer."""
    walk = _Walk({name: frozenset([name]) for name in parameters(node)}, defined, depth)
    walk.visit(node)
    return {name: walk.found.get(name, "") for name in parameters(node)}


class _Walk(ast.NodeVisitor):
    """Follows pointers through assignments, in the order of the text."""

    def __init__(self, bases: dict[str, frozenset[str]], defined: Mapping[str, ast.FunctionDef], depth: int) -> None:
        self.bases, self.defined, self.depth = bases, defined, depth
        self.found: dict[str, str] = {}

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.bases[target.id] = self._base(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        name = called(node)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        # tl.load(pointer) or descriptor.load(offsets)
        place = owner if owner is not None and self._base(owner) else node.args[0] if node.args else None
        if place is not None and (name.startswith("load") or name in _WRITES or name.startswith("atomic_")):
            self._mark(place, "read" if name.startswith("load") else "write")
        elif isinstance(node.func, ast.Name) and name in self.defined and self.depth:
            inner = self.defined[name]
            given = dict(zip((a.arg for a in inner.args.args), node.args, strict=False))
            given |= {k.arg: k.value for k in node.keywords if k.arg}
            for parameter, direction in directions(inner, self.defined, self.depth - 1).items():
                if direction and parameter in given:
                    self._mark(given[parameter], direction)

    def _mark(self, place: ast.expr, direction: str) -> None:
        for name in self._base(place):
            if self.found.get(name) != "write":
                self.found[name] = direction

    def _base(self, node: ast.expr) -> frozenset[str]:
        """The parameters that an address starts from: the first operand of a sum that has any."""
        match node:
            case ast.Name(id=name):
                return self.bases.get(name, frozenset())
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
                return self._base(left) or self._base(right)
            case ast.IfExp(body=body, orelse=other):
                return self._base(body) | self._base(other)
            case ast.Call(args=args) if called(node) in _ADDRESSES:
                first = [node.func.value] if isinstance(node.func, ast.Attribute) else []
                return next((base for each in (*first, *args) if (base := self._base(each))), frozenset())
        return frozenset()


def called(node: ast.Call) -> str:
    """The last part of the name of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
