"""What a candidate's module defines: functions, methods of `ModelNew`, names of kernels, imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator


class Module:
    """Looks names up. `kernels` are the names with C linkage."""

    def __init__(self, tree: ast.Module, kernels: frozenset[str]) -> None:
        self._kernels = kernels
        self._classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self.methods: dict[str, ast.FunctionDef] = {}
        self._submodules: dict[str, str] = {}
        self._imports: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self.base_calls = frozenset(f"{name}.forward" for name in self._classes)
        for owner in reversed(list(self._lineage("ModelNew"))):
            self.methods |= {node.name: node for node in owner.body if isinstance(node, ast.FunctionDef)}
        for node in ast.walk(tree):
            self._note(node)

    def method(self, path: str) -> ast.FunctionDef | None:
        """The method that `self.NAME` calls, if the candidate defines it."""
        owner, _, name = path.rpartition(".")
        return self.methods.get(name) if owner == "self" else None

    def kernel(self, node: ast.expr) -> str | None:
        """The kernel that a called expression means: by its name, or by a variable that holds it."""
        found = set(self._mentioned(node))
        return found.pop() if len(found) == 1 else None

    def is_torch(self, path: str) -> bool:
        head = path.split(".")[0]
        return self._imports.get(head, "").split(".")[0] == "torch"

    def is_import(self, path: str) -> bool:
        """Whether the path starts at an imported name: ctypes, math, ..."""
        return path.split(".")[0] in self._imports

    def submodule(self, path: str) -> str:
        """The class that `__init__` gave the attribute, "module" when it does not say."""
        return self._submodules.get(path, "module")

    def _lineage(self, name: str) -> Iterator[ast.ClassDef]:
        """The class and its bases within the module, nearest first."""
        owner = self._classes.get(name)
        if owner is not None:
            yield owner
            for base in owner.bases:
                if isinstance(base, ast.Name) and base.id != name:
                    yield from self._lineage(base.id)

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=imported):
                for each in imported:
                    self._imports[each.asname or each.name.split(".")[0]] = each.name
            case ast.ImportFrom(module=origin, names=imported):
                for each in imported:
                    self._imports[each.asname or each.name] = f"{origin}.{each.name}"
            case ast.Assign(targets=[target], value=value):
                self._note_assignment(ast.unparse(target), value)

    def _note_assignment(self, target: str, value: ast.expr) -> None:
        called = value.func if isinstance(value, ast.Call) else None
        if called is not None and target.startswith("self."):
            self._submodules[target] = ast.unparse(called).rsplit(".", 1)[-1]
        if called is not None and any(True for _ in self._mentioned(called)):
            return  # the result of a launch, not a kernel
        found = set(self._mentioned(value))
        if len(found) == 1:
            self._aliases[target] = found.pop()

    def _mentioned(self, node: ast.expr) -> Iterator[str]:
        for each in ast.walk(node):
            text = each.value if isinstance(each, ast.Constant) else None
            if isinstance(each, ast.Name):
                text = each.id
            elif isinstance(each, ast.Attribute):
                dotted = ast.unparse(each)
                text = dotted if dotted in self._aliases else each.attr
            if isinstance(text, str):
                if text in self._aliases:
                    yield self._aliases[text]
                elif text in self._kernels:
                    yield text
