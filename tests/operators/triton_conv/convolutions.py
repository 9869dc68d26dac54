"""Triton convolutions to test: random graphs, their kernels, and checks against float64."""

from __future__ import annotations

import random
from dataclasses import replace

import torch
from contraction_kernels import exact
from interpreted import Case, assert_near, run

from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.terms import Terms, torch_dtype
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.conv import ConvGenerator
from operators.authors.expert.triton.nest.schedule import NOMINAL

CONV = ConvGenerator()


def tensor(dtype, *shape):
    return TensorType(dtype, tuple(shape))


def convolve(x, w, stride=1, padding=0, dilation=1, groups=1):
    """A `conv` node; settings are numbers or one an axis."""
    rank = x.rank - 2
    stride, padding, dilation = (_each(value, rank) for value in (stride, padding, dilation))
    axes = zip(x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)
    out = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes]
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return x.terms.add("conv", [x, w], tensor(x.dtype, x.shape[0], w.shape[0], *out), **attrs)


def spread(x, w, stride=1, padding=0, extra=0, dilation=1, groups=1):
    """A `conv_transpose` node."""
    rank = x.rank - 2
    stride, padding, extra, dilation = (_each(value, rank) for value in (stride, padding, extra, dilation))
    axes = zip(x.shape[2:], w.shape[2:], stride, padding, extra, dilation, strict=True)
    out = [(n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, e, d in axes]
    attrs = {"stride": stride, "padding": padding, "output_padding": extra, "dilation": dilation, "groups": groups}
    shape = tensor(x.dtype, x.shape[0], w.shape[1] * groups, *out)
    return x.terms.add("conv_transpose", [x, w], shape, **attrs)


def _each(value, rank):
    return (value,) * rank if isinstance(value, int) else tuple(value)


def nodes_of(graph):
    return tuple(n.id for n in graph.nodes if n.op not in ("input", "state"))


def structures(graph):
    return [dict(each) for each in CONV.structures(graph, nodes_of(graph), graph.results)]


def case(graph, inputs=(), choices=None, hardware=NOMINAL, **schedule):
    """One kernel of all of `graph`, some values of its default schedule changed."""
    assert CONV.supports(graph, nodes_of(graph), graph.results)
    plan = KernelPlan("conv", nodes_of(graph), graph.results, choices or structures(graph)[0])
    decisions = {n: replace(d, choices=()) for n, d in CONV.schedule(graph, plan, hardware).items()}
    decisions |= {n: replace(decisions[n], value=v) for n, v in schedule.items() if n in decisions}
    plan = replace(plan, schedule=decisions)
    return Case(None, tuple(inputs), graph, plan, CONV.emit(graph, plan, "k0"))


def check(folder, cases, tolerance=4e-6):
    """Compares every case with float64."""
    for number, (each, found) in enumerate(zip(cases, run(folder, cases), strict=True)):
        for output, expected in zip(each.graph.results, exact(each.graph, each.inputs), strict=True):
            assert_near(found[output], expected, tolerance, f"case {number}: {each.plan}\n{each.code.source}")


class Grammar:
    """Convolutions in one to three dimensions, transposed ones too, with random settings, prologues and epilogues."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.torch = torch.Generator().manual_seed(seed)
        self.terms, self.inputs = Terms(), []

    def leaf(self, shape, dtype=DType.F32):
        given = torch.randn(shape, generator=self.torch)
        given = given if dtype.is_float else (given * 4).round()
        self.inputs.append(given.to(torch_dtype(dtype)))
        return self.terms.input(len(self.inputs) - 1, tensor(dtype, *shape))

    def factor(self, shape, turned=False):
        """Also where zero in memory is none in the factor: what lies outside must be zero all the same."""
        pick = self.random.choice
        dims = pick([list(range(len(shape)))] * 3 + [[0, *range(2, len(shape)), 1]] * turned)
        given = [0] * len(shape)
        for axis, length in zip(dims, shape, strict=True):
            given[axis] = length
        inverse = [dims[axis] for axis in range(len(shape))]
        x = self.leaf(given, pick([DType.F32, DType.F32, DType.I8])).permute(inverse).cast(DType.F32)
        match pick(["plain", "plain", "shift", "scale"]):
            case "shift":
                return x.max(0.0) + 1.0
            case "scale":
                return x * self.leaf((shape[1], *[1] * (len(shape) - 2))) - 0.5
        return x

    def convolution(self):
        pick, rank = self.random.choice, self.random.choice([1, 2, 2, 3])
        groups = pick([1, 1, 2, 4])
        channels, rows = pick([(1, 1), (1, 2), (3, 8), (5, 20), (16, 3), (20, 17)])
        kernel, stride, padding, dilation = (
            tuple(self.random.randint(low, high) for _ in range(rank)) for low, high in ((1, 4), (1, 3), (0, 2), (1, 2))
        )
        images, most = pick([1, 2, 3]), {1: 40, 2: 11, 3: 6}[rank]
        if pick([True, False]):
            least = (max(1, d * (k - 1) + 1 - 2 * p) for k, p, d in zip(kernel, padding, dilation, strict=True))
            size = [self.random.randint(low, max(low, most)) for low in least]
            x = self.factor((images, groups * channels, *size), turned=True)
            return convolve(x, self.factor((groups * rows, channels, *kernel)), stride, padding, dilation, groups)
        extra = [self.random.randrange(max(s, d)) for s, d in zip(stride, dilation, strict=True)]
        axes = list(zip(kernel, stride, padding, dilation, extra, strict=True))
        size = [self.random.randint(1, most // 2) for _ in axes]
        while any((n - 1) * s - 2 * p + d * (k - 1) + e < 0 for n, (k, s, p, d, e) in zip(size, axes, strict=True)):
            size = [n + 1 for n in size]
        x = self.factor((images, groups * channels, *size), turned=True)
        return spread(x, self.factor((groups * channels, rows, *kernel)), stride, padding, extra, dilation, groups)

    def graph(self):
        """(graph, inputs)"""
        y, results = self.convolution(), []
        if not CONV.supports(graph := self.terms.builder.finish([y.id]), nodes_of(graph), graph.results):
            return Grammar(self.random.randrange(1 << 30)).graph()  # no tap meets the input
        for _ in range(self.random.randint(0, 4)):
            match self.random.choice(["bias", "act", "keep", "last", "residual", "flat"]):
                case "bias" if y.rank > 2:
                    y = y + self.leaf((y.shape[1], *[1] * (y.rank - 2)))
                case "act":
                    y = y.map("sigmoid") * y
                case "keep":
                    results.append(y)
                case "last":
                    y = y.permute((0, *range(2, y.rank), 1)) * 2.0
                case "residual":
                    y = y + self.leaf(y.shape)
                case "flat":
                    y = y.reshape((y.shape[0], -1)) - 1.0
        results.append(y)
        return self.terms.builder.finish([r.id for r in dict.fromkeys(results)]), self.inputs
