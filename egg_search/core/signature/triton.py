"""Triton kernels: the functions of a candidate that `triton.jit` compiles."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping

from egg_search.core.signature.base import Kernel
from egg_search.core.signature.cpp_text import math_function
from egg_search.core.signature.triton_accumulate import accumulations
from egg_search.core.signature.triton_pointers import called, directions, parameters
from egg_search.core.syntax import parse

_PASS = re.compile(r"#\s*pass:\s*(?P<name>.*\S)")


def read_kernels(source: str) -> dict[str, Kernel]:
    """All compiled functions of the module. Those that only others call are never launched, and so no structure."""
    tree = parse(source)
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and _is_compiled(node)}
    passes = _passes(source)
    return {name: _kernel(node, defined, passes) for name, node in defined.items()}


def _is_compiled(node: ast.FunctionDef) -> bool:
    return any(isinstance(each, (ast.Name, ast.Attribute)) and _last(each) == "jit" for each in _decorators(node))


def _decorators(node: ast.FunctionDef) -> Iterator[ast.expr]:
    for decorator in node.decorator_list:
        yield decorator.func if isinstance(decorator, ast.Call) else decorator


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _passes(source: str) -> dict[int, str]:
    """Line number to the name of the pass that a comment there tells."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        match = _PASS.match(token.string) if token.type == tokenize.COMMENT else None
        if match:
            found[token.start[0]] = match["name"]
    return found


def _kernel(node: ast.FunctionDef, defined: Mapping[str, ast.FunctionDef], passes: Mapping[int, str]) -> Kernel:
    bodies = list(_reachable(node, defined, set()))
    known = directions(node, defined)
    parts = {
        "parameters": [known[name] for name in parameters(node) if known[name]],
        "calls": sorted({name for each in bodies for name in _math_calls(each)}),
        "accumulates": sorted({kind for each in bodies for kind in accumulations(each)}),
        "passes": [name for each in bodies for line, name in passes.items() if _holds(each, line)],
    }
    summary = "; ".join(f"{title} {', '.join(items)}" for title, items in parts.items() if items)
    return Kernel(node.name, tuple(known[name] for name in parameters(node)), summary)


def _holds(node: ast.FunctionDef, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _math_calls(node: ast.FunctionDef) -> Iterator[str]:
    for each in ast.walk(node):
        name = math_function(called(each)) if isinstance(each, ast.Call) else None
        if name:
            yield name


def _reachable(
    node: ast.FunctionDef, defined: Mapping[str, ast.FunctionDef], seen: set[str]
) -> Iterator[ast.FunctionDef]:
    """The function and all that it uses, in order of use. A helper that is a mathematical function is a leaf."""
    seen.add(node.name)
    yield node
    names = [each for each in ast.walk(node) if isinstance(each, ast.Name) and each.id in defined]
    for each in sorted(names, key=lambda name: (name.lineno, name.col_offset)):
        if each.id not in seen and not math_function(each.id):
            yield from _reachable(defined[each.id], defined, seen)
