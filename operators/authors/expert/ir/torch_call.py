"""Every op as a torch expression: what an op means, and what a candidate says where a node stays with torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from operators.authors.expert.ir.graph import DType, Graph, Node, place

_SAME_NAME = frozenset(
    "neg abs sign exp exp2 expm1 log log2 log1p sqrt rsqrt reciprocal sin cos tan tanh sigmoid erf erfc asin acos atan "
    "sinh cosh asinh acosh atanh floor ceil round trunc logical_not bitwise_not isnan isinf add sub mul div fmod pow "
    "atan2 eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor where".split()
)
_OTHER_NAME = {"floor_div": "floor_divide", "mod": "remainder", "max": "maximum", "min": "minimum"}


def torch_expression(graph: Graph, node: Node, names: Mapping[int, str], device: str = "") -> str:
    """Python text for one node; `names` maps its inputs' ids to variables. Only `torch` need be in scope, and what
    `device` names, which is where constants are made.

    Leaves read `inputs[position]` and `state['name']`, for callers that have not named them. Raises KeyError
    for an op outside `ops.OPS`.
    """
    arguments = [names[i] for i in node.inputs]
    if node.op in _SAME_NAME:
        return f"torch.{node.op}({', '.join(arguments)})"
    if node.op in _OTHER_NAME:
        return f"torch.{_OTHER_NAME[node.op]}({', '.join(arguments)})"
    if node.op in _MADE and device:
        return _MADE[node.op](node, f", device={device}")
    return _PRINTERS[node.op](graph, node, arguments)


def number(value: Any) -> str:
    """A Python number as text that reads without imports."""
    return repr(value) if not isinstance(value, float) or isfinite(value) else f"float('{value}')"


def argument(arguments: str, node: Node) -> str:
    """Where an `input` node finds its tensor among forward's arguments, whose name is given."""
    return arguments + "".join(f"[{key!r}]" for key in place(node))


def _input(graph: Graph, node: Node, a: Sequence[str]) -> str:
    return argument("inputs", node)


def _state(graph: Graph, node: Node, a: Sequence[str]) -> str:
    return f"state[{node.attrs['name']!r}]"


def _const(node: Node, device: str = "") -> str:
    value, kind = number(node.attrs["value"]), f"dtype=torch.{node.dtype}"
    # A copy from the host cannot be part of a CUDA graph; filling can.
    return f"torch.full((), {value}, {kind}{device})" if device else f"torch.tensor({value}, {kind})"


def _iota(node: Node, device: str = "") -> str:
    axis = node.attrs["axis"]
    line = tuple(n if i == axis else 1 for i, n in enumerate(node.shape))
    made = f"torch.arange({node.shape[axis]}, dtype=torch.{node.dtype}{device})"
    return f"{made}.reshape({line}).expand({node.shape})"


def _cast(graph: Graph, node: Node, a: Sequence[str]) -> str:
    return f"{a[0]}.to(torch.{node.dtype})"


def _reduce(graph: Graph, node: Node, a: Sequence[str]) -> str:
    op, axes = node.attrs["op"], node.attrs["axes"]
    if op == "prod":  # torch takes one axis at a time
        text = a[0]
        for axis in axes:
            text = f"torch.prod({text}, {axis}, keepdim=True, dtype=torch.{node.dtype})"
        return text
    name = {"max": "amax", "min": "amin"}.get(op, op)
    kind = f", dtype=torch.{node.dtype}" if op == "sum" else ""
    return f"torch.{name}({a[0]}, {axes}, keepdim=True{kind})"


def _argreduce(graph: Graph, node: Node, a: Sequence[str]) -> str:
    return f"torch.arg{node.attrs['op']}({a[0]}, {node.attrs['axis']}, keepdim=True)"


def _scan(graph: Graph, node: Node, a: Sequence[str]) -> str:
    axis, name = node.attrs["axis"], f"torch.cum{node.attrs['op']}"
    kind = f", dtype=torch.{node.dtype}" if node.attrs["op"] in ("sum", "prod") else ""
    picked = "[0]" if node.attrs["op"] in ("max", "min") else ""
    if not node.attrs["reverse"]:
        return f"{name}({a[0]}, {axis}{kind}){picked}"
    return f"{name}({a[0]}.flip({axis}), {axis}{kind}){picked}.flip({axis})"


def _slice(graph: Graph, node: Node, a: Sequence[str]) -> str:
    spans = zip(node.attrs["start"], node.attrs["step"], node.shape, strict=True)
    return f"{a[0]}[{', '.join(f'{s}:{s + (n - 1) * t + 1 if n else s}:{t}' for s, t, n in spans)}]"


def _pad(graph: Graph, node: Node, a: Sequence[str]) -> str:
    pairs = zip(reversed(node.attrs["low"]), reversed(node.attrs["high"]), strict=True)
    amounts = [n for pair in pairs for n in pair]
    return f"torch.nn.functional.pad({a[0]}, {amounts}, value={number(node.attrs['value'])})"


def _take(graph: Graph, node: Node, a: Sequence[str]) -> str:
    return f"torch.index_select({a[0]}, {node.attrs['axis']}, {a[1]}.reshape(-1)).reshape({node.shape})"


def _conv(graph: Graph, node: Node, a: Sequence[str]) -> str:
    attrs = node.attrs
    rest = f"{attrs['stride']}, {attrs['padding']}, {attrs['dilation']}, {attrs['groups']}"
    sizes = zip(graph[node.inputs[0]].shape[2:], *_taps(graph, node), strict=True)
    full = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sizes]
    return _first(node, full, f"torch.conv{len(node.shape) - 2}d({a[0]}, {a[1]}, None, {rest})")


def _conv_transpose(graph: Graph, node: Node, a: Sequence[str]) -> str:
    attrs = node.attrs
    rest = f"{attrs['stride']}, {attrs['padding']}, {attrs['output_padding']}, {attrs['groups']}, {attrs['dilation']}"
    sizes = zip(graph[node.inputs[0]].shape[2:], *_taps(graph, node), attrs["output_padding"], strict=True)
    full = [(n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, d, e in sizes]
    return _first(node, full, f"torch.conv_transpose{len(node.shape) - 2}d({a[0]}, {a[1]}, None, {rest})")


def _taps(graph: Graph, node: Node) -> list[Sequence[int]]:
    """Of each spatial axis: taps, and their stride, padding and dilation."""
    return [graph[node.inputs[1]].shape[2:], *(node.attrs[name] for name in ("stride", "padding", "dilation"))]


def _first(node: Node, full: list[int], text: str) -> str:
    """As many outputs of each spatial axis as the node has, of `full` ones."""
    crop = ", ".join(f":{n}" for n in node.shape[2:])
    return text if [*node.shape[2:]] == full else f"{text}[..., {crop}]"


def _window(graph: Graph, node: Node, a: Sequence[str]) -> str:
    """torch's own pooling where it means the same, else unfolding after padding with the op's identity."""
    attrs, source = node.attrs, graph[node.inputs[0]]
    rank, kernel = len(attrs["kernel"]), attrs["kernel"]
    ceil = any(n > _floor_size(node, source, i) for i, n in enumerate(node.shape[-rank:]))
    fits = rank <= 3 and len(node.shape) in (rank + 1, rank + 2) and node.dtype.is_float
    fits = fits and all(2 * p <= k for p, k in zip(attrs["padding"], kernel, strict=True)) and not ceil
    if fits and attrs["op"] == "max":
        return f"torch.max_pool{rank}d({a[0]}, {kernel}, {attrs['stride']}, {attrs['padding']}, {attrs['dilation']})"
    if fits and rank > 1 and all(d == 1 for d in attrs["dilation"]):
        call = f"torch.nn.functional.avg_pool{rank}d({a[0]}, {kernel}, {attrs['stride']}, {attrs['padding']}"
        return f"{call}, divisor_override=1)"
    return _unfolded(node, source, a[0])


def _floor_size(node: Node, source: Node, i: int) -> int:
    attrs, rank = node.attrs, len(node.attrs["kernel"])
    span = source.shape[len(source.shape) - rank + i] + 2 * attrs["padding"][i]
    return (span - attrs["dilation"][i] * (attrs["kernel"][i] - 1) - 1) // attrs["stride"][i] + 1


def _unfolded(node: Node, source: Node, text: str) -> str:
    attrs, rank, first = node.attrs, len(node.attrs["kernel"]), len(node.shape) - len(node.attrs["kernel"])
    identity, name = (0, "sum") if attrs["op"] == "sum" else (_lowest(node.dtype), "amax")
    amounts: list[int] = []
    for i in reversed(range(rank)):
        reach = (node.shape[first + i] - 1) * attrs["stride"][i] + attrs["dilation"][i] * (attrs["kernel"][i] - 1) + 1
        amounts += [attrs["padding"][i], max(reach - source.shape[first + i] - attrs["padding"][i], 0)]
    text = f"torch.nn.functional.pad({text}, {amounts}, value={number(identity)})"
    for i, (k, s, d) in enumerate(zip(attrs["kernel"], attrs["stride"], attrs["dilation"], strict=True)):
        text = f"{text}.unfold({first + i}, {d * (k - 1) + 1}, {s})[..., ::{d}]"
    crop = ", ".join(f":{n}" for n in node.shape[first:])
    return f"{text}.{name}({tuple(range(-rank, 0))})[..., {crop}]"


def _lowest(dtype: DType) -> int | float:
    return float("-inf") if dtype.is_float else 0 if dtype in (DType.U8, DType.BOOL) else -(2 ** (8 * dtype.bytes - 1))


def _library(graph: Graph, node: Node, a: Sequence[str]) -> str:
    arguments = [_literal(each, a) for each in node.attrs["args"]]
    arguments += [f"{key}={_literal(value, a)}" for key, value in node.attrs["kwargs"].items()]
    target = node.attrs["target"]
    return f"{target if target.startswith('torch.') else f'torch.ops.{target}'}({', '.join(arguments)})"


def _literal(value: Any, names: Sequence[str]) -> str:
    if isinstance(value, tuple):
        if len(value) == 2 and value[0] == "node":
            return names[value[1]]
        if len(value) == 2 and value[0] == "dtype":
            return f"torch.{value[1]}"
        return f"[{', '.join(_literal(each, names) for each in value)}]"
    return number(value)


_PRINTERS: dict[str, Callable[[Graph, Node, Sequence[str]], str]] = {
    "input": _input,
    "state": _state,
    "softplus": lambda g, n, a: f"torch.logaddexp({a[0]}, torch.zeros_like({a[0]}))",
    "mish_gate": lambda g, n, a: f"torch.tanh(torch.nn.functional.softplus({a[0]}))",
    "erf_plus_one": lambda g, n, a: f"(torch.erf({a[0]}) + 1)",
    "const": lambda g, n, a: _const(n),
    "iota": lambda g, n, a: _iota(n),
    "cast": _cast,
    "reshape": lambda g, n, a: f"{a[0]}.reshape({n.shape})",
    "permute": lambda g, n, a: f"{a[0]}.permute({n.attrs['dims']})",
    "broadcast": lambda g, n, a: f"{a[0]}.expand({n.shape})",
    "slice": _slice,
    "flip": lambda g, n, a: f"{a[0]}.flip({n.attrs['axes']})",
    "pad": _pad,
    "concat": lambda g, n, a: f"torch.cat([{', '.join(a)}], {n.attrs['axis']})",
    "reduce": _reduce,
    "argreduce": _argreduce,
    "scan": _scan,
    "take": _take,
    "gather": lambda g, n, a: f"torch.gather({a[0]}, {n.attrs['axis']}, {a[1]})",
    "dot": lambda g, n, a: f"torch.matmul({a[0]}, {a[1]})",
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "window": _window,
    "library": _library,
    "item": lambda g, n, a: f"{a[0]}[{n.attrs['index']}]",
}
_MADE: dict[str, Callable[[Node, str], str]] = {"const": _const, "iota": _iota}
