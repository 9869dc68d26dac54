import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from egg_search.core.hardware import detect_cpu
from operators.authors.expert.capture import capture
from operators.authors.expert.cpp.attention import AttentionGenerator
from operators.authors.expert.cpp.compile import Kernel
from operators.authors.expert.ir.interpret import evaluate, module_state
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.rewrites import rewrite
from operators.authors.expert.structures.clusters import Clusters

GENERATOR, HARDWARE = AttentionGenerator(), detect_cpu()


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def plans(graph):
    """One kernel for every attention that the generator finds, with the default schedule."""
    clusters, found = Clusters(graph), []
    for nodes in GENERATOR.matches(graph):
        members = frozenset(nodes) - clusters.free
        closure, outputs = clusters.closure(members), clusters.outputs(members)
        assert GENERATOR.supports(graph, closure, outputs)
        kernel = KernelPlan("attention", closure, outputs)
        found.append(replace(kernel, schedule=GENERATOR.schedule(graph, kernel, HARDWARE)))
    return found


def check(model, inputs, folder, count=1, configuration=None):
    """Every attention in the model agrees with torch's own arithmetic; the sources, for a look."""
    graph = rewrite(capture(model, inputs), ())
    values = evaluate(graph, inputs, module_state(model, graph))
    kernels, sources = plans(graph), []
    assert len(kernels) == count
    for kernel in kernels:
        code = GENERATOR.emit(graph, kernel, "k0")
        values_by_prefix = {f"K0_{name.upper()}": value for name, value in (configuration or {}).items()}
        written = Kernel(code, folder, values_by_prefix)(graph, values)
        for node_id, tensor in written.items():
            torch.testing.assert_close(tensor, values[node_id], rtol=2e-5, atol=2e-6, equal_nan=True)
        sources.append(code.source)
    return sources


def heads(q=37, kv=37, d=24):
    torch.manual_seed(0)
    return [torch.randn(2, 3, n, d) for n in (q, kv, kv)]


def by_hand(q, k, v):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    mask = torch.ones(q.shape[-2], k.shape[-2]).tril()
    return scores.masked_fill(mask == 0, float("-inf")).softmax(-1) @ v


def soft_capped(q, k, v):
    return torch.softmax(torch.tanh(q @ k.mT / 30) * 30, -1) @ v


FUNCTIONS = {
    "plain": lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
    "causal": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
    "by hand": by_hand,
    "soft cap": soft_capped,
    "relative bias": lambda q, k, v: (
        (q @ k.mT + (torch.arange(q.shape[2])[:, None] - torch.arange(k.shape[2])) * 0.1).softmax(-1).matmul(v)
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_forms_of_attention(name, tmp_path):
    (source,) = check(Function(FUNCTIONS[name]), heads(), tmp_path)
    assert ("q0 + rows" in source) == (name in ("causal", "by hand"))  # whether blocks of keys are skipped


@pytest.mark.parametrize("sizes", [(1, 70, 16), (70, 33, 8), (5, 3, 33), (64, 300, 64)])
def test_lengths_that_fit_no_block(sizes, tmp_path):
    check(Function(FUNCTIONS["plain"]), heads(*sizes), tmp_path)


@pytest.mark.parametrize("configuration", [{"block_q": 12, "block_kv": 64}, {"block_kv": 512, "prefetch": 4}])
def test_every_schedule_means_the_same(configuration, tmp_path):
    check(Function(FUNCTIONS["causal"]), heads(130, 130), tmp_path, configuration=configuration)


def test_additive_and_boolean_masks(tmp_path):
    def function(q, k, v, mask):
        boolean = F.scaled_dot_product_attention(q, k, v, attn_mask=mask > 0)
        return boolean + F.scaled_dot_product_attention(q * 2, k, v, attn_mask=mask)

    mask = torch.randn(1, 3, 37, 37)
    mask[0, 1, 5] = -1.0  # as booleans: a row without keys, which torch answers with zeros
    check(Function(function), [*heads(), mask], tmp_path, count=2)


def test_a_row_without_keys_is_nan_where_torch_says_so(tmp_path):
    def function(q, k, v, keep):
        return (q @ k.mT).masked_fill(~keep, float("-inf")).softmax(-1) @ v

    keep = torch.ones(37, 37, dtype=torch.bool)
    keep[3] = False
    check(Function(function), [*heads(), keep], tmp_path)


def test_large_and_infinite_scores(tmp_path):
    q, k, v = heads()
    check(Function(FUNCTIONS["plain"]), [q * 200, k, v], tmp_path)
    v[0, 0, 3, 3] = float("inf")
    check(Function(FUNCTIONS["plain"]), [q, k, v], tmp_path)


class SelfAttention(nn.Module):
    """Heads are views of one projection."""

    def __init__(self, width=24, heads=3):
        super().__init__()
        self.project, self.heads = nn.Linear(width, 3 * width), heads

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.project(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return y.transpose(1, 2).reshape(batch, length, width)


def test_heads_are_read_through_views(tmp_path):
    check(SelfAttention(), [torch.randn(2, 19, 24)], tmp_path)


def test_multihead_attention_module(tmp_path):
    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.MultiheadAttention(24, 3, batch_first=True)

        def forward(self, x):
            return self.inner(x, x, x, need_weights=False)[0]

    check(Module(), [torch.randn(2, 19, 24)], tmp_path)


def test_weights_that_are_needed_elsewhere_are_not_streamed():
    def function(q, k, v):
        weights = (q @ k.mT).softmax(-1)
        return weights @ v, weights

    graph = rewrite(capture(Function(function), heads()), ())
    clusters = Clusters(graph)
    for nodes in GENERATOR.matches(graph):
        members = frozenset(nodes) - clusters.free
        assert not GENERATOR.supports(graph, clusters.closure(members), clusters.outputs(members))


def test_markers_name_the_passes():
    graph = rewrite(capture(Function(FUNCTIONS["plain"]), heads()), ())
    (kernel,) = plans(graph)
    source = GENERATOR.emit(graph, kernel, "k0").source
    assert source.count("// pass: ") == 7 and "running softmax" in source
