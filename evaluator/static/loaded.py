"""Which names of a module stand for kernels, or for what leads to one."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from evaluator.static.module import Function, Module
from evaluator.static.storage import assignments, is_allocation

_LOADERS = frozenset(
    "CDLL PyDLL WinDLL LoadLibrary load_inline load_library RawModule RawKernel ElementwiseKernel ReductionKernel "
    "compile_kernel _compile_kernel dlopen ExtensionFileLoader spec_from_file_location njit".split()
)
_PATHS = {
    "triton.jit",
    "triton.autotune",
    "triton.heuristics",
    "numba.jit",
    "numba.vectorize",
    "cupy.fuse",
    "torch.utils.cpp_extension.load",
}
_TORCHS = ("aten", "prims", "prim", "load_library")
_UNTOLD = {".forward", ".__init__", ".__call__"}  # every module has them: they say nothing of a name


class Kernels:
    """`names` are those whose definition loads a kernel, or uses such a name, directly or through others: functions,
    classes and values of the module as they are, attributes and methods after a dot. `memory` are names in that form
    whose definition allocates a tensor."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self.loaded = self.loads(module.tree)
        definitions = _definitions(module.tree)
        used = {name: set().union(*map(self._names, nodes)) for name, nodes in definitions.items()}
        self.memory = {name for name, nodes in definitions.items() if any(map(is_allocation, nodes))}
        self.names = {name for name, nodes in definitions.items() if any(map(self.loads, nodes))}
        while more := {name for name in used.keys() - self.names if used[name] & self.names}:
            self.names |= more

    def loads(self, node: ast.AST) -> bool:
        """Does this code load or define a kernel?"""
        inside = list(ast.walk(node))
        called = [each.func for each in inside if isinstance(each, ast.Call)]
        return any(
            map(self._is_loader, [*called, *(m for each in inside for m in getattr(each, "decorator_list", ()))])
        )

    def used(self, *nodes: ast.AST) -> bool:
        return any(self._names(node) & self.names or self.loads(node) or self._custom(node) for node in nodes)

    def _custom(self, node: ast.AST) -> bool:
        """An operator of `torch.ops` that is not torch's own."""
        paths = (self._module.path(each) or "" for each in ast.walk(node) if isinstance(each, ast.Attribute))
        return any(path.startswith("torch.ops.") and path.split(".")[2] not in _TORCHS for path in paths)

    def is_kernel(self, function: Function) -> bool:
        return any(map(self._is_loader, function.decorator_list))

    def _is_loader(self, node: ast.AST) -> bool:
        node = node.func if isinstance(node, ast.Call) else node
        path = self._module.path(node)
        if path is None:
            path = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        return path in _PATHS or path.rpartition(".")[2] in _LOADERS

    def _names(self, node: ast.AST) -> set[str]:
        found = set()
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                found.add(each.id)
            elif isinstance(each, ast.Attribute) and self._module.path(each) is None:
                found.add(f".{each.attr}")
            elif isinstance(each, ast.Call) and self._module.path(each.func) == "builtins.getattr":
                found |= {f".{name.value}" for name in each.args[1:2] if isinstance(name, ast.Constant)}
        return found


def _definitions(tree: ast.Module) -> dict[str, list[ast.AST]]:
    """Everything but the local names of functions."""
    found: dict[str, list[ast.AST]] = {}
    top = assignments(_outside(tree.body))
    for name, values in top.items():
        found.setdefault(name, []).extend(values)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found.setdefault(node.name, []).append(node)
            for name, values in assignments(node.body).items():
                found.setdefault(f".{name}", []).extend(values)
            for each in node.body:
                if isinstance(each, Function):
                    found.setdefault(f".{each.name}", []).append(each)
        elif isinstance(node, Function):
            found.setdefault(node.name, []).append(node)
            shared = {name for each in ast.walk(node) if isinstance(each, ast.Global) for name in each.names}
            for name, values in assignments(ast.walk(node)).items():
                if name in shared or name.startswith("self."):
                    found.setdefault(name.removeprefix("self"), []).extend(values)
        elif isinstance(node, ast.Assign):
            for name in _filled(node.targets):
                if name.startswith(".") or name in top:
                    found.setdefault(name, []).append(node.value)
    return {name: nodes for name, nodes in found.items() if name not in _UNTOLD}


def _filled(targets: Iterable[ast.expr]) -> Iterator[str]:
    """What an assignment puts something into: `LIBRARIES["k"] = ...`, `ModelNew.kernel = ...`."""
    for target in targets:
        base = target
        while isinstance(base, ast.Subscript):
            base = base.value
        if isinstance(base, ast.Attribute):
            yield f".{base.attr}"
        elif base is not target and isinstance(base, ast.Name):
            yield base.id


def _outside(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Nodes that run on import: not in functions and classes."""
    stack = list(body)
    while stack:
        node = stack.pop()
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield node
            stack += ast.iter_child_nodes(node)
