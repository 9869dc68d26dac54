"""C++ kernels: the functions with C linkage in the string constants of a candidate."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from egg_search.core.signature.base import Kernel
from egg_search.core.signature.cpp_accumulate import accumulations
from egg_search.core.signature.cpp_text import Function, functions, math_function
from egg_search.core.syntax import parse


def read_kernels(source: str) -> dict[str, Kernel]:
    """All functions with C linkage. Text that is not C++ yields none."""
    defined: dict[str, Function] = {}
    for text in _strings(parse(source)):
        if "{" in text and "(" in text:
            for function in functions(text):
                defined.setdefault(function.name, function)
    return {name: _kernel(function, defined) for name, function in defined.items() if function.exported}


def _strings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _kernel(function: Function, defined: dict[str, Function]) -> Kernel:
    bodies = list(_reachable(function, defined, set()))
    calls = {called for each in bodies for called in _math_calls(each)}
    kinds = {kind for each in bodies for kind in accumulations(each)}
    passes = [name for each in bodies for name in each.passes]
    parameters = [_parameter(tokens) for tokens in function.parameters]
    parts = {
        "parameters": [f"{direction} {element}" for direction, element in parameters if direction],
        "calls": sorted(calls),
        "accumulates": sorted(kinds),
        "passes": passes,
    }
    summary = "; ".join(f"{title} {', '.join(items)}" for title, items in parts.items() if items)
    return Kernel(function.name, tuple(direction for direction, _ in parameters), summary)


def _math_calls(function: Function) -> Iterator[str]:
    for token, following in pairwise(function.body):
        if following in "(<" and (called := math_function(token)):
            yield called


def _reachable(function: Function, defined: dict[str, Function], seen: set[str]) -> Iterator[Function]:
    """The function and all that it uses, in order of use. A helper that is a mathematical function is a leaf."""
    seen.add(function.name)
    yield function
    for token in function.body:
        if token in defined and token not in seen and not math_function(token):
            yield from _reachable(defined[token], defined, seen)


_QUALIFIERS = frozenset("const __restrict__ __restrict restrict volatile struct std :: & *".split())


def _parameter(tokens: list[str]) -> tuple[str, str]:
    """Direction and element type; direction is empty for what is passed by value."""
    if "*" not in tokens and "[" not in tokens:
        return "", ""
    tokens = tokens[: tokens.index("[")] if "[" in tokens else tokens
    pointed = tokens[: tokens.index("*")] if "*" in tokens else tokens[:-1]
    element = " ".join(token for token in pointed if token not in _QUALIFIERS)
    return ("read" if "const" in pointed else "write"), element
