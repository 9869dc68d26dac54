"""What a kernel's launch writes, followed to what a function returns."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from evaluator.static.loaded import Kernels
from evaluator.static.module import Function, Module, reachable
from evaluator.static.storage import Storage, assignments

_FIRST = ("self", "cls", "ctx")  # what a method is called on


@dataclass(frozen=True)
class Effect:
    """Of a function: the line of its first launch, and whether that reaches what it returns, or its arguments."""

    line: int | None = None
    returned: bool = False
    written: bool = False


class Flow:
    """Goes by names, in no order, and takes the benefit of the doubt: what cannot be told counts as used."""

    def __init__(self, module: Module, kernels: Kernels) -> None:
        self._module, self._kernels = module, kernels
        self._effects: dict[tuple[int, frozenset[str]], Effect] = {}

    def effect(self, function: Function, inputs: frozenset[str]) -> Effect:
        """`inputs` are parameters that hold what the caller was given, no memory for results."""
        key = id(function), inputs
        if key not in self._effects:
            self._effects[key] = Effect()  # of a call to itself
            self._effects[key] = _Scope(self, self._module, self._kernels, function, inputs).effect()
        return self._effects[key]


def parameters(function: Function) -> list[str]:
    given = function.args
    rest = [each for each in (given.vararg, given.kwarg) if each]
    return [each.arg for each in (*given.posonlyargs, *given.args, *rest, *given.kwonlyargs)]


class _Scope:
    """One function: `_tainted` are its names that a kernel may have written, or that were computed from such."""

    def __init__(
        self, flow: Flow, module: Module, kernels: Kernels, function: Function, inputs: frozenset[str]
    ) -> None:
        self._flow, self._module, self._kernels = flow, module, kernels
        self._nodes = list(reachable(function.body))
        self._alone = {id(node.value) for node in self._nodes if isinstance(node, ast.Expr)}
        self._assigned = assignments(self._nodes)
        self._storage = Storage(module, self._assigned)
        self._given = set(parameters(function)) - inputs
        self._inputs = inputs | {"self"}
        self._tainted: set[str] = set()
        self._objects: set[str] = set()  # local names of kernels: `k = self.lib.k`
        self._objects = {name for name, values in self._assigned.items() if any(map(self._is_object, values))}

    def effect(self) -> Effect:
        calls = [node for node in self._nodes if isinstance(node, ast.Call)]
        lines = [call.lineno for call in calls if self._launches(call)]
        before = -1
        while before != len(self._tainted):
            before = len(self._tainted)
            for call in calls:
                self._tainted |= self._written_by(call)
            self._spread()
        results = [node.value for node in self._nodes if isinstance(node, (ast.Return, ast.Yield)) and node.value]
        returned = any(map(self._shows, results))
        return Effect(min(lines, default=None), returned, bool(self._given & self._tainted))

    def _spread(self) -> None:
        """From values to what they are assigned to, and to what shows the same memory."""
        self._tainted |= {name for name, values in self._assigned.items() if any(map(self._shows, values))}
        for node in self._nodes:
            if isinstance(node, (ast.Assign, ast.AugAssign)) and self._shows(node.value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                self._tainted |= self._own(*(each for each in targets if isinstance(each, ast.Subscript)))
        for name in self._assigned.keys() & self._tainted:
            self._tainted |= self._own(ast.Name(name, ast.Load()))

    def _written_by(self, call: ast.Call) -> set[str]:
        arguments = [*call.args, *(each.value for each in call.keywords)]
        if self._launches(call):
            callee = self._callee(call)
            return set() if callee and not self._inner(call, callee).written else self._outputs(call, arguments)
        if not any(map(self._shows, arguments)):
            return set()
        targets = [each.value for each in call.keywords if each.arg == "out"]  # torch.add(a, b, out=y)
        if isinstance(call.func, ast.Attribute) and self._module.path(call.func) is None:
            targets.append(call.func.value)  # y.copy_(k(x)), results.append(k(x))
        return self._own(*targets)

    def _outputs(self, call: ast.Call, arguments: list[ast.expr]) -> set[str]:
        """What a launch may write: memory that is no input; an input where there is no other, and no result either."""
        own = self._own(*arguments)
        if own & self._given or any(map(self._storage.allocates, own)) or id(call) not in self._alone:
            return own
        return own | self._storage.roots(*arguments)

    def _launches(self, call: ast.Call) -> bool:
        if callee := self._callee(call):
            return self._inner(call, callee).line is not None
        if isinstance(call.func, ast.Name) and call.func.id in self._tainted:
            return True
        values = [each for each in call.args if not isinstance(each, ast.Call)]
        named = {node.id for each in (call.func, *values) for node in ast.walk(each) if isinstance(node, ast.Name)}
        return self._kernels.used(call.func, *values) or bool(named & self._objects)

    def _callee(self, call: ast.Call) -> Function | None:
        """A function of the candidate that is looked into: not one that is given a kernel, or is one."""
        callee = self._module.callee(call)
        if callee is None or self._kernels.used(*call.args) or self._kernels.is_kernel(callee):
            return None
        return callee

    def _inner(self, call: ast.Call, callee: Function) -> Effect:
        names, inputs = parameters(callee), set()
        if names and names[0] in _FIRST and isinstance(call.func, ast.Attribute):
            inputs.add(names.pop(0))
        for name, value in zip(names, call.args, strict=False):
            roots = self._storage.roots(value)
            if roots and not self._own(value):
                inputs.add(name)
        return self._flow.effect(callee, frozenset(inputs))

    def _is_object(self, value: ast.expr) -> bool:
        return self._kernels.used(value) and not any(
            self._launches(each) for each in ast.walk(value) if isinstance(each, ast.Call)
        )

    def _own(self, *expressions: ast.AST) -> set[str]:
        """Names whose memory these may show, without inputs and the model's parameters."""
        return {name for name in self._storage.roots(*expressions) if not self._came_in(name)}

    def _came_in(self, name: str) -> bool:
        """Is this, wherever it was assigned, a view of inputs and of the model's parameters?"""
        return all(map(self._is_input, self._storage.roots(ast.Name(name, ast.Load()))))

    def _is_input(self, root: str) -> bool:
        values = self._assigned.get(root, ())
        if root in self._given or not all(map(self._storage.roots, values)):
            return False
        if root.startswith("self."):
            return root not in self._assigned and root.removeprefix("self") not in self._kernels.memory
        return bool(values) or root in self._inputs

    def _shows(self, node: ast.AST) -> bool:
        """Does the value of this expression come from a kernel?"""
        return any(map(self._comes_from_a_kernel, ast.walk(node)))

    def _comes_from_a_kernel(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._tainted
        if isinstance(node, ast.Attribute):
            return isinstance(node.value, ast.Name) and f"{node.value.id}.{node.attr}" in self._tainted
        if isinstance(node, ast.Call) and self._launches(node):
            callee = self._callee(node)
            return callee is None or self._inner(node, callee).returned
        return False
