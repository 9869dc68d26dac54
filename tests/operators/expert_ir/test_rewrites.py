import pytest
import torch
import torch.nn.functional as F
from capture_cases import Function

from operators.authors.expert.capture import capture
from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.interpret import interpret
from operators.authors.expert.ir.terms import Terms
from operators.authors.expert.rewrites import options, rewrite


def f32(*shape):
    return TensorType(DType.F32, shape)


def ops(graph):
    return [node.op for node in graph.nodes]


def shapes_of(graph, op):
    return [node.shape for node in graph.nodes if node.op == op]


def rewritten(function, *shapes, thin=False):
    """The graph after all rewrites, checked to compute what the function does. Thin products stay unless asked for:
    what becomes of others is seen by them."""
    torch.manual_seed(0)
    inputs = [torch.randn(s) for s in shapes]
    graph = capture(Function(function), inputs)
    names = options(graph)
    names = names if thin else tuple(name for name in names if name != "thin_product")
    result = rewrite(graph, names)
    for each in (result, *(rewrite(graph, [name]) for name in names)):
        want = torch.utils._pytree.tree_leaves(function(*inputs))
        torch.testing.assert_close(interpret(each, inputs, {}), want, rtol=1e-4, atol=1e-4)
    return names, result


@pytest.mark.parametrize(
    "function",
    [
        lambda v, b: torch.diag(v) @ b,
        lambda v, b: b.T @ torch.diag(v),
        lambda v, b: torch.diag_embed(v.expand(2, 5)) @ b.expand(2, 5, 3),
        lambda v, b: torch.where(torch.arange(5)[:, None] == torch.arange(5), v, 0.0) @ b,
    ],
)
def test_diagonal_products_are_scalings(function):
    names, graph = rewritten(function, (5,), (5, 3))
    assert names == ("diagonal_product",) and "dot" not in ops(graph)


@pytest.mark.parametrize("offset", [0, 1])
def test_diagonals_are_recognised_at_any_size_by_how_they_are_computed(offset):
    t, size = Terms(), 100_000
    rows, columns = t.iota((size, 1), 0), t.iota((1, size), 1)
    diagonal = t.where((rows + offset).map("eq", columns), t.input(0, f32(size, 1)), 0.0)
    graph = t.builder.finish([diagonal.dot(t.input(1, f32(size, 3))).id])
    assert options(graph) == (() if offset else ("diagonal_product",))


@pytest.mark.parametrize(
    "function, columns",
    [
        (lambda a, b: (a @ b).sum(1), 1),
        (lambda a, b: (a @ b).mean(1, keepdim=True) * 2, 1),
        (lambda a, b: F.linear(a, b.T, b[0]).sum(-1), 1),
        (lambda a, b: (-(a @ b) / 3 + b[0] - 2).sum(), 1),
        (lambda a, b: (a @ b).sum(0), 6),
        (lambda a, b: ((a @ b).view(2, 2, 6) * a[:, :1].view(2, 2, 1)).sum(-1), 1),
        (lambda a, b: (a @ b).T.sum(0), 1),
        (lambda a, b: (b[0] + a @ b).sum((0, 1)), 1),
    ],
)
def test_sums_of_products_are_matrix_vector_products(function, columns):
    names, graph = rewritten(function, (4, 5), (5, 6))
    assert names == ("sum_of_product",)
    assert all(shape[-1] == columns or shape[-2] == 1 for shape in shapes_of(graph, "dot"))


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: F.relu(a @ b).sum(1),
        lambda a, b: (a @ b).amax(1),
        lambda a, b: ((a @ b) * b[0]).sum(1),
        lambda a, b: (1 / (a @ b)).sum(1) * 1e-6,
        lambda a, b: (a @ b) - (a @ b).mean(1, keepdim=True),
        lambda a, b: (a @ b).reshape(4, 3, 2).sum(1),
    ],
)
def test_nothing_moves_through_what_is_not_linear_or_needed_elsewhere(function):
    names, _ = rewritten(function, (4, 5), (5, 6))
    assert names == ()


def test_products_in_the_cheaper_order():
    names, graph = rewritten(lambda a, b, c: a @ b @ c, (20, 20), (20, 20), (20, 1))
    assert names == ("product_order",)
    assert shapes_of(graph, "dot") == [(20, 1), (20, 1)]
    names, graph = rewritten(lambda a, b, c: a @ (b @ c), (1, 20), (20, 20), (20, 20))
    assert shapes_of(graph, "dot") == [(1, 20), (1, 20)]
    assert rewritten(lambda a, b, c: (a @ b @ c, a @ b), (20, 20), (20, 20), (20, 1))[0] == ()


def test_targets_are_gathered_from_logits():
    target = torch.tensor([1, 3, 0])
    names, graph = rewritten(lambda x: F.cross_entropy(x, (x[:, 0] > 9).long() + target), (3, 6))
    assert "gather_early" in names
    (gather,) = [node for node in graph.nodes if node.op == "gather"]
    assert graph[gather.inputs[0]].op == "input"


def test_pointwise_convolution_is_a_product():
    names, graph = rewritten(lambda x, w: F.conv2d(x, w), (2, 3, 4, 5), (6, 3, 1, 1))
    assert names == ("pointwise_convolution",) and "conv" not in ops(graph)
    assert rewritten(lambda x, w: F.conv2d(x, w, stride=2), (2, 3, 4, 5), (6, 3, 1, 1))[0] == ()


def test_simplify_removes_what_does_nothing():
    def function(x):
        y = x.reshape(3, 8).reshape(2, 12).view(2, 3, 4).permute(1, 0, 2).permute(1, 0, 2) * 1 + 0
        return y.flip(1).cumsum(1).flip(1), y.float().clone().contiguous(), y.sum(2, keepdim=True).sum(1, keepdim=True)

    _, graph = rewritten(function, (2, 3, 4))
    # A clone that is a result stays: it must not be the argument itself.
    assert sorted(ops(graph)) == ["input", "library", "reduce", "scan"]


def test_the_largest_of_one_element_is_the_first():
    _, graph = rewritten(lambda x: x.amax(1, keepdim=True).argmax(1) + x.argmin(1), (4, 5))
    assert [node.attrs["op"] for node in graph.nodes if node.op == "argreduce"] == ["min"]


@pytest.mark.parametrize(
    "function, thin",
    [
        (lambda a, b: a @ b[:, :1], True),
        (lambda a, b: torch.mv(a, b[:, 0]) + a[:, 0], True),
        (lambda a, b: a[:1] @ b, True),
        (lambda a, b: F.linear(a.expand(1, 4, 5), b.T[:1], b[0, :1]), True),
        (lambda a, b: a @ b[:, :1].expand(1, 5, 1), True),
        (lambda a, b: a @ b, False),
        (lambda a, b: a[:1].expand(3, 1, 5) @ b, False),
    ],
)
def test_products_of_one_row_or_column_are_sums(function, thin):
    names, graph = rewritten(function, (4, 5), (5, 6), thin=True)
    assert ("thin_product" in names) is thin and ("dot" not in ops(graph)) is thin


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.softmax(x, -1).log(),
        lambda x: torch.softmax(x, 0).log() * 2,
        lambda x: -torch.special.xlogy(torch.softmax(x, -1), torch.softmax(x, -1)).sum(-1),
        lambda x: F.kl_div(torch.log_softmax(x, -1), torch.softmax(x * 2, -1), reduction="batchmean"),
        lambda x: torch.log((x - x.amax(-1, True)).exp() / (x - x.amax(-1, True)).exp().sum(-1, True)),
    ],
)
def test_the_log_of_a_softmax_is_a_difference(function):
    names, graph = rewritten(function, (4, 7))
    assert names == ("log_of_softmax",)
    quotients = {node.id for node in graph.nodes if node.op == "div"}
    assert not any(node.op == "log" and quotients & {*node.inputs} for node in graph.nodes)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.log(x.exp() / x.exp().sum(-1, True)),  # where it overflows it is NaN
        lambda x: torch.log(torch.sigmoid(x)),
        lambda x: torch.log((x - x.amax(-1, True)).exp() / (x - x.amax(-1, True)).exp().sum(0, True).exp()),
        lambda x: torch.log((x - x.amax(-1, True)).exp() / (x.exp().sum(-1, True))),
    ],
)
def test_other_logs_of_quotients_stay(function):
    assert "log_of_softmax" not in rewritten(function, (4, 7))[0]


def test_the_log_of_what_underflows_is_exact():
    x = torch.tensor([[0.0, -300.0]])
    graph = rewrite(capture(Function(lambda x: torch.softmax(x, -1).log()), [x]), ["log_of_softmax"])
    assert interpret(graph, [x], {})[0].tolist() == [[0.0, -300.0]]


@pytest.mark.parametrize(
    ("function", "convolutions"),
    [
        (lambda x, w, b: F.silu(F.conv1d(x, w, b, padding=3, groups=3)[..., : x.shape[-1]]), 1),
        (lambda x, w, b: (F.conv1d(x, w, padding=3, groups=3)[..., :-3] * 2 + b[:, None]).relu(), 1),
        (lambda x, w, b: F.conv_transpose1d(x, w, b, stride=2, groups=3)[..., :-2], 1),
        (lambda x, w, b: F.conv2d(x[:, :, None], w[:, :, None], padding=(1, 3), groups=3)[..., :2, :9], 1),
    ],
)
def test_a_convolution_of_which_some_is_used_computes_no_more(function, convolutions):
    names, graph = rewritten(function, (2, 3, 11), (3, 1, 4), (3,))
    assert names == ("cropped_convolution",) and "slice" not in ops(graph)
    assert sum(op.startswith("conv") for op in ops(graph)) == convolutions


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: F.conv1d(x, w)[..., :-2],
        lambda x, w: F.conv1d(x, w)[..., :-2].relu(),
        lambda x, w: F.conv2d(x[:, :, None], w[:, :, None])[..., :1, :4],
    ],
)
def test_some_of_a_pointwise_convolution_is_a_product_of_some_pixels(function):
    names, graph = rewritten(function, (2, 3, 11), (4, 3, 1))
    assert names == ("cropped_convolution", "pointwise_convolution") and "conv" not in ops(graph)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: F.conv1d(x, w, padding=3)[..., 1:],
        lambda x, w: F.conv1d(x, w, padding=3)[..., ::2],
        lambda x, w: F.conv1d(x, w, padding=3)[:, :2],
        lambda x, w: (y := F.conv1d(x, w, padding=3), y[..., :-3]),
        lambda x, w: (F.conv1d(x, w, padding=3) + torch.arange(14.0))[..., :-3],
        lambda x, w: F.conv1d(x, w, padding=3).cumsum(-1)[..., :-3],
    ],
)
def test_other_parts_of_a_convolution_stay(function):
    assert "cropped_convolution" not in rewritten(function, (2, 3, 11), (3, 3, 4))[0]
