import copy
from collections import namedtuple

import pytest
import torch
import torch.nn.functional as F
from capture_cases import Function
from torch import nn

from operators.authors.expert.capture import CaptureError, capture
from operators.authors.expert.capture.export import traced
from operators.authors.expert.capture.walk import Walk
from operators.authors.expert.ir.interpret import interpret, module_state
from operators.authors.expert.rewrites import options, rewrite


class Block(nn.Module):
    """A transformer block with buffers, a tied weight, a plain tensor attribute and a scalar argument."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(8), nn.LayerNorm(8)])
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.tied = self.mlp[0]
        self.scale = nn.ParameterList([nn.Parameter(torch.ones(8))])
        self.register_buffer("mask", torch.ones(5, 5).triu(1).bool(), persistent=False)
        self.plain = torch.arange(8.0)

    def forward(self, x, factor, flag=True):
        y = self.norms[0](x)
        x = x + self.attention(y, y, y, attn_mask=self.mask, need_weights=False)[0] * factor
        x = x + self.mlp(self.norms[1](x)) * self.scale[0] + self.plain
        return x if flag else -x, self.tied(x)


class RMSNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.RMSNorm(8)

    def forward(self, x):
        return self.inner(x)


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        self.count += 1
        return x * self.count


X, IMAGE = (2, 5, 8), (2, 4, 6, 6)
MODULES = {
    "block": (Block, [X], [0.5, False]),
    "rms": (RMSNorm, [X], []),
    "counter": (Counter, [X], []),
    "batch_norm_1d": (lambda: nn.BatchNorm1d(5), [X], []),
    "batch_norm_2d": (lambda: nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True)), [IMAGE], []),
    "batch_norm_no_stats": (lambda: nn.BatchNorm2d(4, track_running_stats=False), [IMAGE], []),
    "batch_norm_eval": (lambda: nn.BatchNorm2d(4).eval(), [IMAGE], []),
    "batch_norm_cumulative": (lambda: nn.BatchNorm2d(4, momentum=0.3, affine=False), [IMAGE], []),
    "instance_norm": (lambda: nn.InstanceNorm2d(4, affine=True), [IMAGE], []),
    "instance_norm_stats": (lambda: nn.InstanceNorm2d(4, track_running_stats=True), [IMAGE], []),
    "group_norm": (lambda: nn.GroupNorm(2, 4), [IMAGE], []),
    "conv1d": (lambda: nn.Conv1d(5, 6, 3, stride=2, padding=1, dilation=2), [X], []),
    "conv2d": (lambda: nn.Conv2d(4, 8, (3, 2), stride=(1, 2), padding=(1, 0), groups=2, bias=False), [IMAGE], []),
    "conv_same": (lambda: nn.Conv2d(4, 4, 4, padding="same", groups=4), [IMAGE], []),
    "conv_unbatched": (lambda: nn.Conv2d(4, 4, 3), [IMAGE[1:]], []),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2, padding=1), [(1, 2, 3, 4, 5)], []),
    "transposed": (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, output_padding=1), [IMAGE], []),
    "linear": (lambda: nn.Sequential(nn.Linear(8, 3), nn.Softmax(-1)), [X], []),
    "linear_of_nothing": (lambda: nn.Linear(0, 3), [(2, 5, 0)], []),
    "bilinear": (lambda: nn.Bilinear(8, 8, 3), [X, X], []),
    "lstm": (lambda: nn.LSTM(8, 4, batch_first=True), [X], []),
    "encoder": (lambda: nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), [X], []),
    "weight_norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 3)), [X], []),
    "prelu": (lambda: nn.PReLU(5), [X], []),
    "pools": (lambda: nn.Sequential(nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()), [IMAGE], []),
}


def check(model, inputs, graph):
    """`graph` gives what `model` gives, and the buffers that it leaves behind."""
    state = {k: v.clone() for k, v in module_state(model, graph).items()}
    after = copy.deepcopy(model)
    want = after(*inputs)
    want = torch.utils._pytree.tree_leaves(want)
    values = dict(zip(graph.results, interpret(graph, inputs, state), strict=True))
    torch.testing.assert_close([values[i] for i in graph.outputs], want, rtol=2e-5, atol=2e-5)
    buffers = dict(after.named_buffers())
    changed = {n for n, b in model.named_buffers() if not torch.equal(b, buffers[n])}
    assert changed <= set(graph.mutations)
    for name, node_id in graph.mutations.items():
        torch.testing.assert_close(values[node_id], buffers[name], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", MODULES)
def test_module(name):
    torch.manual_seed(1)
    make, shapes, rest = MODULES[name]
    model, inputs = make(), [torch.randn(s) for s in shapes] + rest
    before = copy.deepcopy(model.state_dict())
    graph = capture(model, inputs)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    check(model, inputs, graph)
    check(model, inputs, rewrite(graph, options(graph)))


def test_recurrent_layers_are_one_library_node():
    lstm = nn.LSTM(8, 4, batch_first=True)

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = lstm

        def forward(self, x):
            return self.lstm(x)[0][:, -1]

    model, x = Last(), torch.randn(X)
    graph = capture(model, [x])
    assert [n.attrs["target"] for n in graph.nodes if n.op == "library"] == ["aten.lstm.input"]
    check(model, [x], graph)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_smoothed_labels_leave_nothing_to_torch(reduction):
    weight = torch.tensor([0.5, 1.0, 2.0])
    model = nn.CrossEntropyLoss(weight, ignore_index=1, reduction=reduction, label_smoothing=0.1)
    inputs = [torch.randn(4, 3, 5), torch.randint(0, 3, (4, 5))]
    graph = capture(model, inputs)
    assert not any(n.op == "library" for n in graph.nodes)
    check(model, inputs, graph)


@pytest.mark.parametrize("name", ["block", "batch_norm_eval", "counter", "linear", "encoder"])
def test_fx_reads_the_same(name):
    """The fall-back for models that torch.export refuses."""
    make, shapes, rest = MODULES[name]
    model, inputs = make(), [torch.randn(s) for s in shapes] + rest
    if name == "block":
        del model.mask, model.plain
        model.mask, model.plain = None, 1.0
    graph = Walk(traced(model, inputs)).graph()
    check(model, inputs, graph)


def test_fx_refuses_what_it_cannot_see():
    with pytest.raises(CaptureError, match="running statistics"):
        traced(nn.BatchNorm1d(5), [torch.randn(X)])


def test_value_dependent_control_flow_is_refused():
    with pytest.raises(CaptureError, match=r"torch\.export"):
        capture(Function(lambda x: x * 2 if x.sum() > 0 else x), [torch.randn(3)])


@pytest.mark.parametrize(
    "function, words",
    [
        (lambda x: namedtuple("Pair", "a b")(x, x), "no tensor, tuple"),
        (lambda x: x.reshape(-1)[x.argmax()], "reads a number"),
        (lambda x: x[x > 0], "depends on values"),
        (lambda x: torch.bincount((x > 0).long().view(-1)), "depends on values"),
        (lambda x: torch.view_as_complex(x.reshape(-1, 2)), "complex"),
    ],
)
def test_what_the_ir_cannot_hold(function, words):
    with pytest.raises(CaptureError, match=words):
        capture(Function(function), [torch.randn(2, 2)])


def test_results_that_are_no_tensors():
    graph = capture(Function(lambda x: (x + 1, None, {"n{}": 3, "t": x * 2}, "a{b}", float("inf"))), [torch.ones(2)])
    made = eval(graph.form.format("x", "y"), {"x": 1, "y": 2})
    assert made == (1, None, {"n{}": 3, "t": 2}, "a{b}", float("inf"))


def test_arguments_that_forward_writes_into():
    def function(parts):
        parts["x"].relu_()
        return parts["x"] + 1

    x = torch.randn(3, 4)
    graph = capture(Function(function), [{"x": x.clone()}])
    after, result = interpret(graph, [{"x": x}], {})[::-1]
    assert list(graph.mutations) == [(0, "x")]
    torch.testing.assert_close((after, result), (x.relu(), x.relu() + 1))


def test_a_new_tensor_is_no_view_of_an_argument():
    def function(x):
        return x.clone(), x.t().contiguous(), x[:, :2] + 0, x.clone().view(2, 6), x.t(), x

    x = torch.randn(3, 4)
    graph = capture(Function(function), [x])
    *new, view, same = interpret(graph, [x], {})
    assert all(each.is_contiguous() and each.data_ptr() != x.data_ptr() for each in new)
    assert view.data_ptr() == same.data_ptr() == x.data_ptr()


def test_arguments_and_results_of_any_form():
    def function(parts, named, weight):
        y = parts[0] * weight + parts[1][0] - named["b"]
        return {"sum{}": y, "rest": [named["a"], (y * 2,)]}, y + 1, y.max(0)

    inputs = [[torch.randn(2), (torch.randn(2), 5)], {"b": torch.randn(2), "a": torch.randn(2)}, 0.3]
    model = Function(function)
    for graph in (capture(model, inputs), Walk(traced(model, inputs)).graph()):
        check(model, inputs, graph)
        text = graph.form.format(*(f"values[{i}]" for i in range(len(graph.outputs))))
        values = interpret(graph, inputs, {})
        by_output = dict(zip(graph.results, values, strict=True))
        made = eval(text, {"torch": torch, "values": [by_output[i] for i in graph.outputs]})
        want = function(*inputs)
        assert torch.utils._pytree.tree_structure(made) == torch.utils._pytree.tree_structure(want)
        torch.testing.assert_close(made, want)


def test_inputs_keep_their_positions():
    model = Function(lambda a, n, b: F.relu(b) * n)
    graph = capture(model, [torch.ones(2), 3, torch.ones(2)])
    assert [n.attrs["position"] for n in graph.nodes if n.op == "input"] == [0, 2]
    check(model, [torch.ones(2), 3, torch.ones(2)], graph)


def test_single_element_tuple():
    graph = capture(Function(lambda x: (x + 1,)), [torch.ones(2)])
    assert graph.form == "({0}, )"
