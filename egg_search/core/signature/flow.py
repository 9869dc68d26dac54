"""The data flow of `ModelNew.forward`: kernel launches and torch operators, in order, with what they read and write.

An abstract walk over the code: every expression stands for the tensors that it may hold, as labels. Calls that compute
leave a line; all other Python only passes labels on. `names.py` knows which names compute and which do not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from egg_search.core.candidate import CandidateError
from egg_search.core.signature import names
from egg_search.core.signature.base import Kernel
from egg_search.core.signature.module import Module
from egg_search.core.syntax import parse

Labels = tuple[str, ...]
_DEPTH = 12  # of inlined calls
_LABEL = re.compile(r"<(?P<kind>state|buffer|value|kernel):(?P<id>[^>]*)>")


@dataclass(frozen=True)
class Flow:
    """`lines` in order; `launched` are the names of kernels by first launch."""

    lines: tuple[str, ...]
    launched: tuple[str, ...]


def read_flow(source: str, kernels: Mapping[str, Kernel]) -> Flow:
    """Raises CandidateError when `ModelNew` has no method `forward` of its own or by inheritance."""
    module = Module(parse(source), frozenset(kernels))
    forward = module.methods.get("forward")
    if forward is None:
        raise CandidateError("candidate: ModelNew has no method forward")
    walk = _Walk(module, kernels)
    returned = walk.function(forward, None)
    lines = [*walk.lines, f"return {' '.join(returned)}"]
    launched = dict.fromkeys(m["id"] for line in lines for m in _LABEL.finditer(line) if m["kind"] == "kernel")
    return Flow(_renamed(lines), tuple(launched))


def _renamed(lines: list[str]) -> tuple[str, ...]:
    """Labels numbered by kind in order of appearance, so that no name of the author's is left."""
    numbers: dict[str, dict[str, int]] = {}

    def number(match: re.Match[str]) -> str:
        seen = numbers.setdefault(match["kind"], {})
        return f"{match['kind']}{seen.setdefault(match['id'], len(seen))}"

    return tuple(_LABEL.sub(number, line) for line in lines)


class _Walk:
    """One walk through forward and all that it calls. `lines` grows as computing calls are met."""

    def __init__(self, module: Module, kernels: Mapping[str, Kernel]) -> None:
        self.module, self.kernels = module, kernels
        self.lines: list[str] = []
        self._count = 0
        self._stack: list[str] = []
        self._scopes: list[dict[str, Labels]] = []
        self._returns: list[list[Labels]] = []
        self._guards = 0

    # ---- statements

    def function(self, node: ast.FunctionDef, arguments: list[Labels] | None) -> Labels:
        """Walks a body; `arguments` are None for forward itself, whose parameters are the inputs."""
        if node.name in self._stack or len(self._stack) > _DEPTH:
            return _union(*(arguments or []))
        self._stack.append(node.name)
        self._scopes.append(_parameters(node, arguments))
        self._returns.append([])
        self._block(node.body)
        self._stack.pop()
        self._scopes.pop()
        return _union(*self._returns.pop())

    def _block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Return(value=value) if value is not None:
                self._returns[-1].append(self.value(value))
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value, self.value(value))
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._assign(target, value, self.value(value))
            case ast.AugAssign(target=target, op=op, value=value):
                self._assign(target, value, self._operator(op, [self.value(target), self.value(value)]))
            case ast.Expr(value=value):
                self.value(value)
            case ast.If(body=body, orelse=orelse):
                # The test is a guard or a knob. What it guards counts, in order, whichever way it turns out.
                self._guarded("if", body)
                self._guarded("else", orelse)
            case ast.For(target=target, iter=iterable, body=body):
                self._assign(target, iterable, self.value(iterable))
                self._guarded("loop", body)
            case ast.While(body=body):
                self._guarded("loop", body)
            case ast.With(body=body):
                self._block(body)
            case ast.Try(body=body, handlers=handlers, finalbody=last):
                self._block(body)
                for handler in handlers:
                    self._guarded("except", handler.body)
                self._block(last)

    def _guarded(self, title: str, body: list[ast.stmt]) -> None:
        before = len(self.lines)
        self._guards += 1
        self._block(body)
        self._guards -= 1
        if len(self.lines) > before:
            self.lines[before:] = [f"{title} {{", *self.lines[before:], "}"]

    def _assign(self, target: ast.expr, source: ast.expr, labels: Labels) -> None:
        match target:
            case ast.Name(id=name):
                self._scopes[-1][name] = labels
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                items = source.elts if isinstance(source, (ast.Tuple, ast.List)) else []
                for index, each in enumerate(targets):
                    if len(items) == len(targets):
                        self._assign(each, items[index], self.value(items[index]))
                    else:
                        self._assign(each, source, _item(labels, index))
            case ast.Starred(value=inner):
                self._assign(inner, source, labels)
            case ast.Subscript(value=inner) if labels and not _pointers(labels):
                self._line("store", self.value(inner), labels)

    # ---- expressions

    def value(self, node: ast.expr) -> Labels:
        """The tensors that an expression may hold. Leaves lines for what it computes."""
        match node:
            case ast.Name(id=name):
                return self._scopes[-1].get(name, ())
            case ast.Attribute(attr=attr) if attr in names.SIZES:
                return ()
            case ast.Attribute(value=inner):
                path = _path(node)
                if path.startswith("self."):
                    return (f"<state:{path}>",)
                return self.value(inner)
            case ast.Call():
                return self._call(node)
            case ast.BinOp(left=left, op=op, right=right):
                return self._operator(op, [self.value(left), self.value(right)])
            case ast.UnaryOp(op=op, operand=operand):
                return self._operator(op, [self.value(operand)])
            case ast.Compare(left=left, ops=ops, comparators=right) if not isinstance(ops[0], (ast.Is, ast.IsNot)):
                return self._operator(ops[0], [self.value(each) for each in (left, *right)])
            case ast.Subscript(value=inner, slice=index):
                constant = index.value if isinstance(index, ast.Constant) else None
                return _item(self.value(inner), constant)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return _union(*(self.value(item) for item in items))
            case ast.Dict(values=items) | ast.BoolOp(values=items):
                return _union(*(self.value(item) for item in items if item is not None))
            case ast.IfExp(body=body, orelse=orelse):
                return _union(self.value(body), self.value(orelse))
            case ast.Starred(value=inner) | ast.NamedExpr(value=inner):
                labels = self.value(inner)
                if isinstance(node, ast.NamedExpr):
                    self._assign(node.target, inner, labels)
                return labels
            case ast.ListComp(elt=item, generators=loops) | ast.GeneratorExp(elt=item, generators=loops):
                for loop in loops:
                    self._assign(loop.target, loop.iter, self.value(loop.iter))
                return self.value(item)
        return ()

    def _operator(self, op: ast.AST, operands: list[Labels]) -> Labels:
        labels = _union(*operands)
        # Attributes of the module may be plain numbers: they make no tensor by themselves.
        if _pointers(labels) or all(label.startswith("<state") for label in labels):
            return labels
        return self._compute(type(op).__name__.lower(), operands)

    def _call(self, node: ast.Call) -> Labels:
        kernel = self.module.kernel(node.func)
        path = _path(node.func)
        if path.startswith("super.") or path in self.module.base_calls:
            return self._fall_back(node)
        function = self.module.functions.get(path) or self.module.method(path)
        if function and not self._reads_state(node, path):
            return self.function(function, self._arguments(node))
        if kernel:
            return self._launch(kernel, self._arguments(node))
        if function:
            return (f"<state:{ast.unparse(node)}>",)
        return self._named(node, path)

    def _reads_state(self, node: ast.Call, path: str) -> bool:
        """`self.weight_of("fc")`: a method that is given texts only looks something up."""
        texts = [isinstance(arg, ast.Constant) and isinstance(arg.value, str) for arg in node.args]
        return path.startswith("self.") and bool(texts) and all(texts) and not node.keywords

    def _named(self, node: ast.Call, path: str) -> Labels:
        """A call of something that the candidate does not define."""
        arguments = self._arguments(node)
        last = node.func.attr if isinstance(node.func, ast.Attribute) else path
        if path.startswith("self.") and path.count(".") == 1:
            return self._compute(self.module.submodule(path), [*arguments, (f"<state:{path}>",)])
        if self.module.is_torch(path):
            last = path.rsplit(".", 1)[-1] if not path.startswith("torch.ops.") else path.split(".")[3]
        elif isinstance(node.func, ast.Attribute):
            arguments = [self.value(node.func.value), *arguments]
        elif last in names.PLAIN:
            return _union(*arguments)
        if last in names.ALLOCATIONS:
            self._count += 1
            return (f"<buffer:{self._count}>",)
        if last in names.SIZES:
            return ()
        if last in names.POINTERS:
            return tuple(dict.fromkeys(f"&{label.lstrip('&')}" for label in _union(*arguments)))
        foreign = self.module.is_import(path) and not self.module.is_torch(path)
        if last in names.VIEWS or foreign or _pointers(_union(*arguments)):
            return _union(*arguments)
        return self._compute(last, arguments)

    def _arguments(self, node: ast.Call) -> list[Labels]:
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        return [self.value(argument) for argument in given]

    def _fall_back(self, node: ast.Call) -> Labels:
        """The original forward: under a guard it is for other calls than the one that is optimised."""
        return self._compute("original", self._arguments(node)) if not self._guards else ()

    # ---- lines

    def _compute(self, name: str, operands: list[Labels]) -> Labels:
        labels = _union(*operands)
        if not labels:
            return ()
        self._count += 1
        result = (f"<value:{self._count}>",)
        self._line(f"torch {name.rstrip('_')}", labels, result)
        # In-place operators change what they are called on.
        return operands[0] if name.endswith("_") and not name.endswith("__") and operands[0] else result

    def _launch(self, name: str, arguments: list[Labels]) -> Labels:
        kinds = self.kernels[name].parameters
        if len(kinds) == len(arguments):
            arguments = [labels for labels, kind in zip(arguments, kinds, strict=True) if kind]
        self._line(f"launch <kernel:{name}>", _union(*arguments), ())
        return ()

    def _line(self, what: str, reads: Labels, result: Labels) -> None:
        arrow = f" -> {' '.join(result)}" if result else ""
        self.lines.append(f"{what} {' '.join(label.lstrip('&') for label in reads)}{arrow}")


def _parameters(node: ast.FunctionDef, arguments: list[Labels] | None) -> dict[str, Labels]:
    positional = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
    positional = positional[1:] if positional[:1] == ["self"] else positional
    rest = node.args.vararg.arg if node.args.vararg else None
    if arguments is None:
        inputs: dict[str, Labels] = {name: (f"input{i}",) for i, name in enumerate(positional)}
        return inputs | ({rest: ("inputs",)} if rest else {})
    bound = dict(zip(positional, arguments, strict=False))
    return bound | ({rest: _union(*arguments[len(positional) :])} if rest else {})


def _item(labels: Labels, index: int | None) -> Labels:
    """One of several: of forward's `*args` that input, of a torch result that part, else all."""
    if isinstance(index, int) and len(labels) == 1:
        if labels == ("inputs",):
            return (f"input{index}",)
        if len(labels[0]) and labels[0].startswith("<value") and "." not in labels[0]:
            return (f"{labels[0]}.{index}",)
    return labels


def _union(*parts: Labels) -> Labels:
    return tuple(dict.fromkeys(label for part in parts for label in part))


def _pointers(labels: Labels) -> bool:
    return bool(labels) and any(label.startswith("&") for label in labels)


def _path(node: ast.expr) -> str:
    """`a.b.c` for such an expression, `super.x` for `super().x`; anything else gives ""."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=attr):
            head = _path(inner)
            return f"{head}.{attr}" if head else ""
        case ast.Call(func=ast.Name(id="super")):
            return "super"
    return ""
