"""Which torch calls multiply, and how much: products, convolutions, recurrent cells, attention."""

from __future__ import annotations

from math import prod

from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.ir.ops import CONTRACTS, LIBRARY
from operators.authors.expert.plan import KernelPlan

RECURRENT = frozenset("lstm gru rnn_tanh rnn_relu".split())
_CONVOLUTIONS = frozenset("convolution conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d".split())
_PRODUCTS = frozenset(
    "matmul mm bmm mv dot vdot inner addmm addbmm baddbmm addmv linear bilinear einsum tensordot chain_matmul cdist "
    "multi_head_attention_forward lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell".split()
)


def called(node: Node) -> str:
    """The name of the torch function that a node of the library calls: "lstm" for aten.lstm.input."""
    target = node.attrs.get("target", "")
    return target.split(".")[1] if "." in target else target


def contracts(graph: Graph, node_id: int) -> bool:
    """Whether a call multiplies float32 by float32 and adds up, so that TF32 could do it."""
    node = graph[node_id]
    if not any(graph[i].dtype is DType.F32 for i in node.inputs):
        return False
    name = called(node)
    known = name in _PRODUCTS | _CONVOLUTIONS | RECURRENT or "attention" in name
    return node.op in CONTRACTS or (node.op == "library" and known)


def convolves(graph: Graph, node_id: int) -> bool:
    """Whether a call is a convolution of images or volumes, whose channels may come last."""
    node = graph[node_id]
    named = node.op in ("conv", "conv_transpose") or (node.op == "library" and called(node) in _CONVOLUTIONS)
    return named and len(node.inputs) >= 2 and all(len(graph[i].shape) in (4, 5) for i in node.inputs[:2])


def flops(graph: Graph, kernel: KernelPlan) -> int:
    """Multiplications and additions of all products in a kernel, generated or not."""
    return sum(_flops(graph, graph[n]) for n in kernel.nodes)


def traffic(graph: Graph, kernel: KernelPlan) -> int:
    """Bytes that a kernel reads and writes at least."""
    read = {i for n in kernel.nodes for i in graph[n].inputs} - set(kernel.nodes)
    return sum(graph[i].type.bytes for i in (*read, *kernel.outputs))


def _flops(graph: Graph, node: Node) -> int:
    if node.op == "dot":
        return 2 * node.type.numel * graph[node.inputs[0]].shape[-1]
    if node.op == "conv":
        weight = graph[node.inputs[1]].shape
        return 2 * node.type.numel * prod(weight[1:])
    if node.op == "conv_transpose":  # every element of the input meets its part of the weight
        x, weight = (graph[i] for i in node.inputs[:2])
        return 2 * x.type.numel * prod(weight.shape[1:])
    if node.op not in LIBRARY or not contracts(graph, node.id):
        return 0
    if called(node) in RECURRENT:
        # Every weight meets every step of every sequence.
        source, *others = (graph[i] for i in node.inputs)
        weights = sum(other.type.numel for other in others if len(other.shape) == 2)
        return 2 * weights * prod(source.shape[:-1])
    # A factor's depth, for want of the call's meaning.
    return 2 * node.type.numel * max((graph[i].shape[-1] for i in node.inputs if graph[i].shape), default=1)
