"""A candidate's module as static analysis sees it: what names stand for, and which functions forward runs."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from functools import cached_property

Function = ast.FunctionDef | ast.AsyncFunctionDef
Flags = Iterator[tuple[str, str]]  # (code, reason)
MODEL, FORWARD = "ModelNew", ("forward", "__call__")


class Module:
    """`aliases` maps names to the dotted paths that imports bind them to: `F` to "torch.nn.functional"."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        self.functions = {node.name: node for node in tree.body if isinstance(node, Function)}
        self.aliases = dict(_imported(tree))
        for node in ast.walk(tree):  # t = torch
            if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Attribute)):
                path = self.path(node.value)
                if path:
                    self.aliases |= {each.id: path for each in node.targets if isinstance(each, ast.Name)}

    def path(self, node: ast.AST) -> str | None:
        """The dotted path of something imported, or "builtins.NAME"; None for the candidate's own names."""
        if isinstance(node, ast.Attribute):
            outer = self.path(node.value)
            return outer and f"{outer}.{node.attr}"
        if not isinstance(node, ast.Name):
            return None
        if node.id in self.aliases:
            return self.aliases[node.id]
        return f"builtins.{node.id}" if node.id not in self._own and hasattr(builtins, node.id) else None

    def method(self, name: str, owner: str = MODEL) -> Function | None:
        """A method of the class `owner`, or of its bases in this module."""
        seen, stack = set(), [owner]
        while stack:
            each = stack.pop(0)
            if each in seen or each not in self.classes:
                continue
            seen.add(each)
            for node in self.classes[each].body:
                if isinstance(node, Function) and node.name == name:
                    return node
                if isinstance(node, ast.Assign) and any(t.id == name for t in node.targets if isinstance(t, ast.Name)):
                    return self.functions.get(node.value.id) if isinstance(node.value, ast.Name) else None
            stack += [base.id for base in self.classes[each].bases if isinstance(base, ast.Name)]
        return None

    @cached_property
    def forward(self) -> Function | None:
        return next((found for name in FORWARD if (found := self.method(name))), None)

    def callee(self, call: ast.Call) -> Function | None:
        """The function or method of this module that a call runs, where the text tells."""
        called = call.func
        if isinstance(called, ast.Name):
            return self.functions.get(called.id)
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            if called.value.id == "self":
                return self.method(called.attr)
            if called.value.id in self.classes and called.attr == "apply":  # of a torch.autograd.Function
                return self.method("forward", called.value.id)
        return None

    @cached_property
    def on_the_way(self) -> list[Function]:
        """Forward, and the functions and methods of this module that it may run."""
        found: list[Function] = []
        stack = [self.forward] if self.forward else []
        while stack:
            function = stack.pop()
            if function in found:
                continue
            found.append(function)
            for node in reachable(function.body):
                if isinstance(node, ast.Call) and (callee := self.callee(node)):
                    stack.append(callee)
                elif isinstance(node, ast.Name) and node.id in self.functions:
                    stack.append(self.functions[node.id])
        return found

    @cached_property
    def _own(self) -> set[str]:
        own = {node.name for node in ast.walk(self.tree) if isinstance(node, _DEFINITIONS)}
        stored = (node for node in ast.walk(self.tree) if isinstance(node, ast.Name))
        own |= {node.id for node in stored if isinstance(node.ctx, ast.Store)}
        return own | {node.arg for node in ast.walk(self.tree) if isinstance(node, ast.arg)}


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield (each.asname, each.name) if each.asname else (each.name.partition(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                yield each.asname or each.name, f"{node.module or ''}.{each.name}"


def reachable(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """All nodes of these statements but those that never run: under `if False`, and after a return or raise."""
    for statement in body:
        if isinstance(statement, (ast.If, ast.While)) and isinstance(statement.test, ast.Constant):
            yield from reachable(statement.body if statement.test.value else statement.orelse)
        else:
            yield statement
            for child in ast.iter_child_nodes(statement):
                if not isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
                    yield from ast.walk(child)
            for field in ("body", "orelse", "finalbody"):
                yield from reachable(getattr(statement, field, []))
            for branch in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
                yield from reachable(branch.body)
        if isinstance(statement, (ast.Return, ast.Raise)):
            return
