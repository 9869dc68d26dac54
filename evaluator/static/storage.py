"""Whose memory an expression may show: views and pointers do not make new tensors, operators do."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from evaluator.static.module import Module

_MEASURES = "numel size stride dim item nelement element_size storage_offset get_device data_ptr untyped_storage"
_VIEWS = frozenset(
    "view reshape flatten unflatten contiguous detach float double half to type type_as expand expand_as squeeze "
    "unsqueeze transpose permute t mT T narrow select chunk split unbind view_as as_strided requires_grad_ cpu cuda "
    f"unfold movedim swapaxes swapdims ravel numpy tolist values items keys get {_MEASURES}".split()
)
_ALLOCATIONS = frozenset(
    "empty empty_like empty_strided empty_permuted new_empty new_empty_strided zeros zeros_like new_zeros ones "
    "ones_like new_ones full full_like new_full clone".split()
)


class Storage:
    """Of one function: `assigned` maps its local names to all expressions that are assigned to them."""

    def __init__(self, module: Module, assigned: Mapping[str, list[ast.expr]]) -> None:
        self._module, self._assigned = module, assigned

    def roots(self, *expressions: ast.AST) -> set[str]:
        """Names whose tensors these expressions may hold, `self.x` for attributes, through all assignments."""
        found: set[str] = set()
        stack = [name for each in expressions for name in self._direct(each)]
        while stack:
            name = stack.pop()
            if name not in found:
                found.add(name)
                stack += [other for value in self._assigned.get(name, ()) for other in self._direct(value)]
        return found

    def allocates(self, name: str) -> bool:
        """Is some memory of this local name made by itself?"""
        return any(map(is_allocation, self._assigned.get(name, ())))

    def _direct(self, node: ast.AST | None) -> set[str]:
        if isinstance(node, ast.Name):  # "self.x" stands for the attribute, too
            return set() if self._module.path(node) else {node.id}
        if isinstance(node, ast.Attribute):
            if self._module.path(node):
                return set()
            attribute = isinstance(node.value, ast.Name) and node.value.id == "self"
            return {f"self.{node.attr}"} if attribute else self._direct(node.value)
        if isinstance(node, (ast.Subscript, ast.Starred, ast.NamedExpr, ast.Await, ast.FormattedValue)):
            return self._direct(node.value)
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return self._any(node.elts)
        if isinstance(node, ast.Dict):
            return self._any(node.values)
        if isinstance(node, ast.IfExp):
            return self._any((node.body, node.orelse))
        if isinstance(node, ast.BoolOp):
            return self._any(node.values)
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            return self._direct(node.elt) | self._any(each.iter for each in node.generators)
        return self._of_call(node) if isinstance(node, ast.Call) else set()

    def _of_call(self, call: ast.Call) -> set[str]:
        path, arguments = self._module.path(call.func), [*call.args, *(each.value for each in call.keywords)]
        if path is not None and path.partition(".")[0] == "torch":
            return self._any(arguments) if _last(call.func) in _VIEWS | {"from_numpy", "as_tensor"} else set()
        if path is None and isinstance(call.func, ast.Attribute) and not self._module.callee(call):
            return self._direct(call.func.value) if call.func.attr in _VIEWS else set()
        return self._any(arguments)  # a pointer wrapped, a container, or a function of the candidate: it may pass on

    def _any(self, nodes: Iterable[ast.AST]) -> set[str]:
        return set().union(*map(self._direct, nodes))


def is_allocation(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _last(node.func) in _ALLOCATIONS


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def assignments(nodes: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    """Names, and attributes of self, to what is assigned to them: by `=`, `+=`, `:=`, `for` and `with`."""
    found: dict[str, list[ast.expr]] = {}

    def bind(target: ast.AST, value: ast.expr) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            same = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
            for index, each in enumerate(target.elts):
                bind(each, value.elts[index] if same else value)
        elif isinstance(target, ast.Starred):
            bind(target.value, value)
        elif isinstance(target, ast.Name):
            found.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
            found.setdefault(f"self.{target.attr}", []).append(value)

    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                bind(target, node.value)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr, ast.AugAssign)) and node.value is not None:
            bind(node.target, node.value)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            bind(node.target, node.iter)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            bind(node.optional_vars, node.context_expr)
    return found
