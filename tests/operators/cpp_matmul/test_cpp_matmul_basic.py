import torch
from contraction_kernels import check, whole_kernel

from operators.authors.expert.cpp.matmul import MatmulGenerator
from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.terms import Terms

GENERATOR = MatmulGenerator()


def f32(*shape):
    return TensorType(DType.F32, shape)


def both(graph, inputs):
    """Checks every structure that the generator offers."""
    nodes = tuple(n.id for n in graph.nodes if n.op not in ("input", "state"))
    for choices in GENERATOR.structures(graph, nodes, graph.results):
        kernel = whole_kernel(GENERATOR, graph, choices)
        check(graph, GENERATOR.emit(graph, kernel, "k0"), inputs)


def test_plain():
    t = Terms()
    y = t.input(0, f32(65, 130)).dot(t.input(1, f32(130, 77)))
    both(t.builder.finish([y.id]), [torch.randn(65, 130), torch.randn(130, 77)])


def test_linear_with_bias_and_activation_over_batches_runs_as_one_product():
    t = Terms()
    x, w, b = t.input(0, f32(3, 17, 40)), t.input(1, f32(50, 40)), t.input(2, f32(50))
    y = (x.dot(w.permute((1, 0))) + b).map("sigmoid")
    graph = t.builder.finish([y.id])
    kernel = whole_kernel(GENERATOR, graph)
    assert GENERATOR.facts(graph, kernel, None)["m"] == 51
    both(graph, [torch.randn(3, 17, 40), torch.randn(50, 40), torch.randn(50)])
