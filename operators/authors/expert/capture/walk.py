"""From an ATen graph to the IR: every call is lowered, or becomes one library node."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import torch

from operators.authors.expert.capture.export import AtenGraph, CaptureError, Source, braced, form
from operators.authors.expert.capture.registry import LOWERINGS, Call, Unsupported, widened
from operators.authors.expert.ir.aliasing import shares_memory
from operators.authors.expert.ir.graph import Graph, TensorType
from operators.authors.expert.ir.terms import Term, Terms, ir_dtype
from operators.authors.expert.ir.torch_call import number

_LITERAL_LIMIT = 4096  # elements of a tensor written out in a candidate
_PLACEMENT = frozenset(["device", "layout", "pin_memory", "memory_format", "non_blocking"])


class Walk:
    """Lowers one graph. Values of fx nodes are Terms, tuples of Terms, or plain Python values."""

    def __init__(self, aten: AtenGraph) -> None:
        self.aten = aten
        self.terms = Terms()
        self.values: dict[torch.fx.Node, Any] = {}

    def graph(self) -> Graph:
        """Raises CaptureError for what the IR cannot hold, such as a result that is no tensor."""
        for node in self.aten.graph.nodes:
            if node.op in ("placeholder", "get_attr"):
                self.values[node] = self._leaf(node)
            elif node.op == "call_function":
                self.values[node] = self._call(node)
            elif node.op == "output":
                return self._finish(node.args[0])
        raise CaptureError("the graph has no output")

    def _leaf(self, node: torch.fx.Node) -> Any:
        value, source = node.meta.get("val"), self.aten.sources[node.name]
        if not isinstance(value, torch.Tensor) and source.literal is None:
            return value  # a number that forward takes: constant at capture
        type = _type(value if isinstance(value, torch.Tensor) else source.literal)
        if source.kind == "input":
            return self.terms.input(source.position, type, source.path)
        if source.kind == "state":
            return self.terms.state(source.name, type)
        return self._literal(source, type)

    def _literal(self, source: Source, type: TensorType) -> Term:
        values = source.literal
        if not type.shape:
            return self.terms.const(values.item(), type.dtype)
        if type.numel > _LITERAL_LIMIT:
            raise CaptureError(f"forward makes a constant tensor of {type.numel} elements")
        arguments = {"args": (_tuples(values.tolist()),), "kwargs": {"dtype": ("dtype", type.dtype.value)}}
        return self.terms.add("library", [], type, target="torch.tensor", **arguments)

    def _call(self, node: torch.fx.Node) -> Any:
        args = torch.fx.map_arg(node.args, lambda n: self.values[n])
        kwargs = torch.fx.map_arg(node.kwargs, lambda n: self.values[n])
        if node.target is operator.getitem:
            return self._item(args[0], args[1]) if node.users else None
        if not isinstance(node.target, torch._ops.OpOverload):
            if any(isinstance(a, Term) for a in args):
                raise CaptureError(f"call of {node.target}, which is no ATen op")
            return node.target(*args, **kwargs)  # arithmetic of sizes
        if isinstance(node.meta.get("val"), (torch.SymInt, torch.SymFloat, torch.SymBool)):
            raise CaptureError("forward reads a number out of a tensor, on which its shapes or indices may depend")
        types = _types(node.meta.get("val"))
        if not types:
            return None  # an assertion
        single = isinstance(node.meta["val"], torch.Tensor)
        lowered = self._lowered(node.target, list(args), dict(kwargs), types)
        if lowered is None or any(lowered[i] is None for i in _read(node)):
            return self._library(node.target, args, kwargs, types, single)
        return lowered[0] if single else lowered

    def _lowered(self, target, args: list, kwargs: dict, types: tuple) -> tuple[Term | None, ...] | None:
        """The results in torch's dtypes, or None when no lowering covers the call."""
        entry = LOWERINGS.get(_name(target))
        if entry is None:
            return None
        args = [_lists(a) for a in args]
        if entry.wide:
            args = [widened(a) for a in args]
            kwargs = {key: widened(value) for key, value in kwargs.items()}
        try:
            results = entry.lowering(Call(self.terms, types), *args, **kwargs)
        except Unsupported:
            return None
        results = results if isinstance(results, tuple) else (results,)
        return tuple(r if r is None else _checked(r, t, target) for r, t in zip(results, types, strict=True))

    def _library(self, target, args, kwargs, types: tuple, single: bool) -> Any:
        inputs: list[Term] = []
        name = f"aten.{_name(target)}"
        attrs = {
            "target": name,
            "args": tuple(_argument(a, inputs) for a in args),
            "kwargs": {k: _argument(v, inputs) for k, v in kwargs.items() if k not in _PLACEMENT},
        }
        if single:
            return self.terms.add("library", inputs, types[0], **attrs)
        first = next(t for t in types if t is not None)
        return self.terms.add("library", inputs, first, **attrs, results=types)

    def _item(self, value: Any, index: int) -> Any:
        if isinstance(value, Term):
            type = self.terms.builder[value.id].attrs["results"][index]
            return self.terms.add("item", [value], type, index=index)
        return value[index]

    def _finish(self, results: Any) -> Graph:
        outputs: list[int] = []
        leaves: list[str] = []
        mutations: dict[str | tuple[int | str, ...], int] = {}
        for place, result in zip(self.aten.results, results, strict=True):
            value = self.values[result] if isinstance(result, torch.fx.Node) else result
            if place:
                mutations[place] = value.id
            elif place is None and isinstance(value, Term):
                leaves.append(f"{{{len(outputs)}}}")
                outputs.append(self._returned(result, value).id)
            elif place is None:
                leaves.append(_literal_text(value))
        return self.terms.builder.finish(outputs, form(self.aten.spec, leaves), mutations)

    def _returned(self, result: torch.fx.Node, value: Term) -> Term:
        """A dense copy where torch makes a new tensor, such as `x.t().contiguous()`, and the IR has but a view."""
        if not _makes_new(result) or not shares_memory(self.terms.builder, value.id):
            return value
        attrs = {"args": (("node", 0),), "kwargs": {"memory_format": ("dtype", "contiguous_format")}}
        return self.terms.add("library", [value], value.type, target="torch.clone", **attrs)


def _makes_new(node: torch.fx.Node) -> bool:
    """Whether a call gives no view of an argument or parameter: torch makes a tensor on the way."""
    while isinstance(node.target, torch._ops.OpOverload):
        if all(each.alias_info is None for each in node.target._schema.returns):
            return True
        node = node.args[0]
    return False


def _literal_text(value: Any) -> str:
    """A result that is no tensor."""
    if value is not None and type(value) not in (bool, int, float, str):
        raise CaptureError(f"forward returns {value!r}, which is no tensor, number or text")
    return braced(number(value))


def _read(node: torch.fx.Node) -> set[int]:
    """Which of a call's results are used."""
    return {user.args[1] for user in node.users if user.target is operator.getitem and user.users}


def _name(target: torch._ops.OpOverload) -> str:
    name = target._schema.name.removeprefix("aten::")
    return f"{name}.{target._overloadname}"


def _type(value: torch.Tensor) -> TensorType:
    if not all(isinstance(n, int) for n in value.shape):
        raise CaptureError("the size of a tensor depends on values")
    try:
        return TensorType(ir_dtype(value.dtype), tuple(int(n) for n in value.shape))
    except ValueError:
        raise CaptureError(f"tensors of {value.dtype} are not covered") from None


def _types(value: Any) -> tuple[TensorType | None, ...]:
    if isinstance(value, torch.Tensor):
        return (_type(value),)
    if isinstance(value, (tuple, list)):
        return tuple(_type(v) if isinstance(v, torch.Tensor) else None for v in value)
    return ()


def _checked(term: Term, type: TensorType | None, target: object) -> Term:
    if type is None:
        return term
    assert term.shape == type.shape, f"{target}: lowered to {term.type}, not {type}"
    return term.cast(type.dtype)


def _lists(value: Any) -> Any:
    return [_lists(v) for v in value] if isinstance(value, (list, tuple)) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _argument(value: Any, inputs: list[Term]) -> Any:
    """An argument of a library call, its tensors moved to `inputs`."""
    if isinstance(value, Term):
        inputs.append(value)
        return ("node", len(inputs) - 1)
    if isinstance(value, torch.dtype):
        return ("dtype", str(value).removeprefix("torch."))
    if isinstance(value, (list, tuple)):
        return tuple(_argument(v, inputs) for v in value)
    if isinstance(value, Mapping) or not isinstance(value, (bool, int, float, str, type(None))):
        raise CaptureError(f"an argument {value!r} of a library call is no tensor, number or text")
    return value
