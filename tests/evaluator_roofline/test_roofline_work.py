"""What must be moved and computed, and the rule for what is sure: no correct kernel may be faster than the floor."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from roofline_samples import H200
from torch import nn

from egg_search.core.hardware import detect_cuda
from evaluator.roofline.work import LeastWork, least_work

X, Y = torch.randn(64, 256), torch.randn(64, 256)
IMAGES = torch.randn(2, 3, 32, 32)


class Model(nn.Module):
    def __init__(self, forward, *parts):
        super().__init__()
        self.parts, self._forward = nn.ModuleList(parts), forward

    def forward(self, *arguments):
        return self._forward(*arguments, *self.parts)


def work(forward, *arguments) -> LeastWork:
    model = forward if isinstance(forward, nn.Module) else Model(forward)
    return least_work(model, list(arguments))


def size(*tensors) -> int:
    return sum(each.numel() * each.element_size() for each in tensors)


READ_WHOLE = {
    "softmax": (lambda x: F.softmax(x, -1), X),
    "gelu by hand": (lambda x: 0.5 * x * (1 + torch.tanh(0.79 * (x + 0.04 * torch.pow(x, 3)))), X),
    "swish": (lambda x: x * torch.sigmoid(x), X),
    "rms norm by hand": (lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6), X),
    "layer norm, then a product": (nn.Sequential(nn.LayerNorm(256), nn.Linear(256, 32)), X),
    "sum": (lambda x: x.sum(), X),
    "cumsum": (lambda x: x.cumsum(1), X),
    "maximum and where it is": (lambda x: x.max(1), X),
    "two arguments": (lambda x, y: x @ y.t(), X, Y),
    "product and its sum": (lambda x, y: (x @ y.t()).sum(), X, Y),
    "in place": (nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True)), IMAGES),
    "in place on a copy": (lambda x: x.clone().mul_(2.0).relu_(), X),
    "pooling that leaves nothing out": (nn.MaxPool2d(3, 2, 1), IMAGES),
    "transposed convolution": (nn.ConvTranspose2d(3, 4, 3, 2), IMAGES),
    "batch norm": (nn.BatchNorm2d(3), IMAGES),
    "transposed, then changed": (lambda x: x.t().contiguous().exp(), X),
}


@pytest.mark.parametrize("name", READ_WHOLE)
def test_what_is_surely_read(name):
    forward, *arguments = READ_WHOLE[name]
    assert work(forward, *arguments).sure_bytes == size(*arguments)


NOT_SURE = {
    "a slice": (lambda x: x[:, :10] * 2, X),
    "a mask of the problem's": (lambda x: x * torch.tril(torch.ones(64, 256)), X),
    "a mask that is chosen by": (lambda x: x.masked_fill(torch.tril(torch.ones(64, 256)) == 0, 0.0), X),
    "the upper triangle": (lambda x: torch.triu(x), X),
    "times what an activation leaves of a parameter": (Model(lambda x, n: x * n.weight.relu(), nn.LayerNorm(256)), X),
    "times zero": (lambda x: x * 0, X),
    "power zero": (lambda x: torch.pow(x, 0), X),
    "minus itself": (lambda x: x - x, X),
    "over itself": (lambda x: x / x, X),
    "sum of a softmax": (lambda x: F.softmax(x, -1).sum(-1), X),
    "mean of a norm": (nn.Sequential(nn.GroupNorm(1, 3), Model(lambda x: x.mean((1, 2, 3)))), IMAGES),
    "mean of what has no mean": (lambda x: (x - x.mean(1, keepdim=True)).sum(1), X),
    "a view": (lambda x: x.t(), X),
    "a copy, for which a view may stand": (lambda x: x.t().contiguous(), X),
    "as it is": (lambda x: x * 1.0 + 0, X),
    "every other pixel": (nn.Conv2d(3, 8, 1, stride=2), IMAGES),
    "a last row that no window reaches": (nn.MaxPool2d(2), torch.randn(1, 3, 33, 33)),
    "holes in windows": (nn.Conv2d(3, 8, 3, stride=2, dilation=4), IMAGES),
    "a written part": (lambda x: x.clone().index_fill_(0, torch.arange(32), 0.0) * 2, X),
    "written through a view": (lambda x: _zeroed(x.exp()) * 2, X),
    "rows that are looked up": (lambda x: x[torch.arange(3)], X),
}


def _zeroed(x):
    x[:32].zero_()
    return x


@pytest.mark.parametrize("name", NOT_SURE)
def test_what_need_not_be_read(name):
    forward, *arguments = NOT_SURE[name]
    found = work(forward, *arguments)
    assert found.sure_bytes == 0 and found.floor_seconds(H200) == 0


def test_a_dead_argument_does_not_count():
    found = work(lambda x, y: x + 1, X, Y)
    assert found.read_bytes == found.sure_bytes == size(X)


def test_a_factor_that_may_be_zero_leaves_the_other_unsure():
    assert work(lambda x, m: x[:, :200] * m[:, :200], X, Y).sure_bytes == 0
    assert work(lambda x, m: x * m, X, torch.tril(torch.ones(64, 256))).sure_bytes == size(X)  # the mask
    assert work(lambda x, m: x * m, X, Y).sure_bytes == size(X, Y)


def test_an_expanded_argument_counts_once():
    found = work(lambda x, y: x + y, X, torch.randn(256).expand(64, 256))
    assert found.sure_bytes == found.read_bytes == size(X) + 1024


def test_one_tensor_given_twice_counts_once():
    assert work(lambda x, y: x * y, X, X).sure_bytes in (0, size(X))


def test_bytes_are_those_of_arguments_parameters_and_outputs():
    linear = nn.Linear(256, 512)
    found = work(nn.Sequential(linear, nn.GELU()), X)
    assert found.read_bytes == size(X, linear.weight, linear.bias)
    assert found.written_bytes == 64 * 512 * 4
    assert found.flops == 2 * 64 * 256 * 512


def test_a_table_counts_what_is_looked_up():
    found = work(nn.Embedding(100_000, 64), torch.randint(1000, (32,)))
    assert found.read_bytes == 32 * 8 + 32 * 64 * 4


def test_a_slice_counts_its_elements_and_slices_no_more_than_the_whole():
    assert work(lambda x: x[:, :10] * 2, X).read_bytes == 64 * 10 * 4
    assert work(lambda x: [part.exp() for part in (x[:40], x[20:], x[:])], X).read_bytes == size(X)


def test_flops_of_causal_attention_are_half():
    q, k, v = (torch.randn(2, 4, 128, 64) for _ in range(3))
    whole = work(lambda *a: F.scaled_dot_product_attention(*a), q, k, v).flops
    assert whole == 4 * 2 * 4 * 128 * 128 * 64
    assert work(lambda *a: F.scaled_dot_product_attention(*a, is_causal=True), q, k, v).flops == whole // 2


def test_flops_of_recurrent_layers():
    assert work(nn.LSTM(16, 8), torch.randn(5, 2, 16)).flops == 2 * 5 * 2 * (4 * 8 * 16 + 4 * 8 * 8)


SURE_FLOPS = {
    "product of arguments": (lambda x, y: x @ y.t(), X, Y),
    "with a parameter, then activated": (nn.Sequential(nn.Linear(256, 64), nn.ReLU()), X),
    "of batches": (lambda x, y: torch.relu(x @ y) * 2.0, torch.randn(3, 8, 16), torch.randn(3, 16, 8)),
}
UNSURE_FLOPS = {
    "summed up": (lambda x, y: (x @ y.t()).sum(1), X, Y),
    "a triangle": (lambda x, y: torch.triu(x @ y.t()), X, Y),
    "a diagonal factor": (lambda d, y: torch.diag(d) @ y, torch.randn(64), Y),
    "a triangular factor": (lambda x, y: x @ y, torch.tril(torch.randn(64, 64)), Y),
    "one factor after the other": (lambda x, y, z: (x @ y.t()) @ z, X, Y, torch.randn(64, 1)),
    "with itself": (lambda x: x @ x.t(), X),
    "of repeated rows": (lambda x, y: x @ y.t(), X, torch.randn(256).expand(64, 256)),
    "in windows": (nn.Conv2d(3, 8, 3), IMAGES),
}


@pytest.mark.parametrize("name", SURE_FLOPS)
def test_what_is_surely_multiplied(name):
    found = work(*SURE_FLOPS[name])
    assert found.sure_flops == found.flops > 0


@pytest.mark.parametrize("name", UNSURE_FLOPS)
def test_what_has_faster_ways(name):
    found = work(*UNSURE_FLOPS[name])
    assert found.sure_flops == 0 < found.flops


def test_nothing_changes_and_nothing_is_computed():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
    before, images = copy.deepcopy(model.state_dict()), IMAGES.clone()
    assert work(model, images) is not None
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(images, IMAGES)
    assert all(type(value) is nn.Parameter for value in model.parameters())
    assert work(lambda x: x.new_ones(1 << 20, 1 << 20) + 1, X).written_bytes == 1 << 42


def test_a_model_that_remembers_keeps_nothing_of_it():
    class Remembers(nn.Module):
        seen = None

        def forward(self, x):
            self.seen = x
            return x + 1

    model = Remembers()
    assert work(model, X) is not None
    assert model.seen is None


def test_control_flow_by_values_cannot_be_followed():
    assert work(lambda x: x * 2 if x.sum() > 0 else x, X) is None


def test_the_floor_is_the_slower_of_reading_and_multiplying():
    gigabyte = LeastWork(1 << 30, 1 << 30, 0, sure_bytes=1 << 30)
    seconds = gigabyte.floor_seconds(H200)
    assert (1 << 30) / H200.pin_bandwidth * 0.98 < seconds < (1 << 30) / H200.read_bandwidth
    product = LeastWork(1 << 28, 1 << 28, 2 * 8192**3, sure_bytes=1 << 28, sure_flops=2 * 8192**3)
    assert 0.5 * product.flops / H200.bf16 < product.floor_seconds(H200) < product.flops / H200.bf16


def test_what_may_be_left_in_the_cache_has_no_floor():
    assert LeastWork(1 << 20, 0, 0, sure_bytes=H200.l2_bytes // 4).floor_seconds(H200) == 0


@pytest.mark.gpu
@pytest.mark.skipif(detect_cuda() is None, reason="no GPU that torch can use")
def test_work_is_the_same_on_a_gpu():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2))
    here = work(model, IMAGES)
    assert work(model.cuda(), IMAGES.cuda()) == here
    q = torch.randn(2, 4, 128, 64, device="cuda")
    found = work(lambda *a: F.scaled_dot_product_attention(*a, is_causal=True), q, q.clone(), q.clone())
    assert found.flops == 2 * 2 * 4 * 128 * 128 * 64
