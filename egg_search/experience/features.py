"""What a problem is like, as far as its text tells before anything has run."""

from __future__ import annotations

import ast

from egg_search.core.syntax import parse

_KINDS = {  # the first that a name contains
    "attention": "attention",
    "conv": "conv",
    "linear": "matmul",
    "matmul": "matmul",
    "einsum": "matmul",
    "bmm": "matmul",
    "addmm": "matmul",
    "lstm": "matmul",
    "gru": "matmul",
    "cumsum": "scan",
    "cumprod": "scan",
    "cummax": "scan",
    "cummin": "scan",
}
_DTYPES = {"bfloat16": "bfloat16", "float16": "float16", "half": "float16", "float64": "float64", "double": "float64"}


def kinds_in(source: str) -> tuple[str, ...]:
    """Kinds of kernels that the problem's operators will become; what no name gives away is a nest."""
    tree = parse(source)
    names = [name.lower() for name in _names(tree)]
    found = {kind for name in names if (kind := next((_KINDS[part] for part in _KINDS if part in name), ""))}
    if any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) for node in ast.walk(tree)):
        found.add("matmul")
    return tuple(sorted(found)) or ("nest",)


def dtype_in(source: str) -> str:
    """The first that is not float32, if any is named."""
    return next((_DTYPES[name] for name in _names(parse(source)) if name in _DTYPES), "float32")


def _names(tree: ast.AST) -> list[str]:
    """Attributes that are used, in order: `nn.Linear` has the name Linear."""
    return [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
