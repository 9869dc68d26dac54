"""Flags read off a candidate's syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_EXPECTED = frozenset(
    "torch math os sys ctypes hashlib pathlib subprocess tempfile typing functools itertools dataclasses numpy "
    "__future__ triton cupy collections enum operator shutil platform struct contextlib json".split()
)
_LOADERS = frozenset("CDLL PyDLL LoadLibrary load_inline load_library RawModule RawKernel jit compile_kernel".split())
_DYNAMIC = frozenset("eval exec compile __import__".split())


def static_flags(source: str) -> tuple[str, ...]:
    """One line each, sorted. The source parses (a candidate's does)."""
    tree = ast.parse(source)
    return tuple(sorted({*_imports(tree), *_dynamic_calls(tree), *_kernel_use(tree)}))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        for name in names:
            if name.partition(".")[0] not in _EXPECTED:
                yield f"suspicious import: {name}"


def _dynamic_calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _DYNAMIC:
            yield f"runs code made at run time: {node.func.id}"


def _kernel_use(tree: ast.Module) -> Iterator[str]:
    """Is there a kernel, does forward reach it, and is its call guarded by a fall-back?"""
    definitions = _definitions(tree)
    kernels = {name for name, nodes in definitions.items() if any(map(_loads_kernel, nodes))}
    if not kernels:
        yield "only library calls: no kernel is loaded"
        return
    users = _reaching(definitions, kernels)
    model = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "ModelNew")
    forward = [
        node for node in model.body if isinstance(node, ast.FunctionDef) and node.name in ("forward", "__call__")
    ]
    reached = _reached_from(forward, definitions)
    if forward and not reached & (users | kernels):
        yield "dead kernel: forward reaches no kernel"
    functions = {
        name: [node for node in nodes if isinstance(node, ast.FunctionDef)] for name, nodes in definitions.items()
    }
    called = forward + [node for name in _reached_from(forward, functions) for node in functions[name]]
    if any(isinstance(node, ast.Try) and node.handlers for each in called for node in ast.walk(each)):
        yield "try/except on the way of forward"


def _definitions(tree: ast.Module) -> dict[str, list[ast.AST]]:
    """Everything that a name can stand for: functions and methods, and values assigned to names and attributes."""
    found: dict[str, list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.setdefault(node.name, []).append(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in {name for target in targets for name in _targets(target)}:
                found.setdefault(name, []).append(node.value)
    return found


def _targets(node: ast.AST) -> set[str]:
    """Names that an assignment binds; of an attribute its own name, not the object's."""
    if isinstance(node, ast.Attribute):
        return {node.attr}
    if isinstance(node, (ast.Tuple, ast.List)):
        return {name for each in node.elts for name in _targets(each)}
    if isinstance(node, (ast.Subscript, ast.Starred)):
        return _targets(node.value)
    return {node.id} if isinstance(node, ast.Name) else set()


def _names(node: ast.AST) -> set[str]:
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return names | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


def _loads_kernel(node: ast.AST) -> bool:
    decorators = {name for each in getattr(node, "decorator_list", []) for name in _names(each)}
    called = {name for call in ast.walk(node) if isinstance(call, ast.Call) for name in _names(call.func)}
    return bool((decorators | called) & _LOADERS)


def _reaching(definitions: dict[str, list[ast.AST]], goal: set[str]) -> set[str]:
    """Names whose definition uses a name of `goal`, directly or through others."""
    reaching: set[str] = set()
    while True:
        more = {
            name
            for name, nodes in definitions.items()
            if name not in reaching and any(_names(node) & (goal | reaching) for node in nodes)
        }
        if not more:
            return reaching
        reaching |= more


def _reached_from(start: list[ast.FunctionDef], definitions: dict[str, list[ast.AST]]) -> set[str]:
    reached: set[str] = set()
    stack: list[ast.AST] = list(start)
    while stack:
        for name in _names(stack.pop()) & definitions.keys() - reached:
            reached.add(name)
            stack.extend(definitions[name])
    return reached
