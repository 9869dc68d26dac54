"""A readable dump of a graph, one node a line, for people and prompts."""

from __future__ import annotations

from operators.authors.expert.ir.graph import Graph, Node, TensorType

_SHORT = {"float": "f", "bfloat": "bf", "int": "i", "uint": "u"}


def show(graph: Graph) -> str:
    """For example `%2: f32[4, 8] = mul(%0, %1)`; the last lines name outputs and mutated buffers."""
    lines = [line(node) for node in graph.nodes]
    lines.append(f"return {graph.form.format(*(f'%{i}' for i in graph.outputs))}")
    lines += [f"{name} <- %{i}" for name, i in graph.mutations.items()]
    return "\n".join(lines)


def line(node: Node) -> str:
    """One node without a line end."""
    arguments = [f"%{i}" for i in node.inputs]
    arguments += [f"{key}={_value(value)}" for key, value in node.attrs.items() if key != "results"]
    return f"%{node.id}: {type_text(node.type)} = {node.op}({', '.join(arguments)})"


def type_text(type: TensorType) -> str:
    """`f32[4, 8]`"""
    word = type.dtype.value.rstrip("0123456789")
    short = _SHORT.get(word, word) + type.dtype.value[len(word) :]
    return f"{short}{list(type.shape)}"


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
