"""The reference interpreter: each node's torch text, evaluated in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.ir.torch_call import torch_expression


def interpret(graph: Graph, inputs: Sequence, state: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    """`graph.results` in order: the outputs, then new buffer values that are not outputs.

    `inputs` are forward's arguments by position, `state` maps qualified names to tensors; neither is changed.
    """
    values = evaluate(graph, inputs, state)
    return [values[i] for i in graph.results]


def evaluate(graph: Graph, inputs: Sequence, state: Mapping[str, torch.Tensor]) -> dict[int, torch.Tensor]:
    """Every node's value. Raises AssertionError when one has another shape or dtype than its node says."""
    names = {node.id: f"t{node.id}" for node in graph.nodes}
    scope = {"torch": torch, "inputs": inputs, "state": state}
    with torch.no_grad():
        for node in graph.nodes:
            value = eval(torch_expression(graph, node, names), scope)
            if isinstance(value, torch.Tensor):
                got = (tuple(value.shape), str(value.dtype).removeprefix("torch."))
                assert got == (node.shape, node.dtype.value), f"node {node.id} {node.op}: {got}, not {node.type}"
            scope[names[node.id]] = value
    return {node.id: scope[names[node.id]] for node in graph.nodes}


def module_state(model: torch.nn.Module, graph: Graph) -> dict[str, torch.Tensor]:
    """The tensors that the graph's `state` nodes name: parameters, buffers or plain attributes of `model`."""
    names = [node.attrs["name"] for node in graph.nodes if node.op == "state"]
    return {name: _attribute(model, name) for name in names}


def _attribute(model: torch.nn.Module, name: str) -> torch.Tensor:
    value = model
    for part in name.split("."):
        value = getattr(value, part)
    return value
