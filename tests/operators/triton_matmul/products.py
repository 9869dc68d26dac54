"""Triton products to test: random graphs, their kernels, and checks against float64."""

from __future__ import annotations

import random
from dataclasses import replace

import torch
from contraction_kernels import exact
from interpreted import Case, assert_near, run

from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.terms import Terms, torch_dtype
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.matmul import MatmulGenerator
from operators.authors.expert.triton.nest.schedule import NOMINAL

MATMUL = MatmulGenerator()
BATCHES = [((), ()), ((3,), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((1, 4), ())]


def tensor(dtype, *shape):
    return TensorType(dtype, shape)


def f32(*shape):
    return tensor(DType.F32, *shape)


def nodes_of(graph):
    return tuple(n.id for n in graph.nodes if n.op not in ("input", "state"))


def structures(graph):
    return [dict(each) for each in MATMUL.structures(graph, nodes_of(graph), graph.results)]


def case(graph, inputs=(), choices=None, hardware=NOMINAL, opened=None, **schedule):
    """One kernel of all of `graph`, some values of its default schedule changed and some decisions open."""
    assert MATMUL.supports(graph, nodes_of(graph), graph.results)
    plan = KernelPlan("matmul", nodes_of(graph), graph.results, choices or structures(graph)[0])
    decisions = {n: replace(d, choices=()) for n, d in MATMUL.schedule(graph, plan, hardware).items()}
    decisions |= {n: replace(decisions[n], value=v) for n, v in schedule.items() if n in decisions}
    decisions |= {n: replace(decisions[n], choices=c) for n, c in (opened or {}).items()}
    plan = replace(plan, schedule=decisions)
    return Case(None, tuple(inputs), graph, plan, MATMUL.emit(graph, plan, "k0"))


def check(folder, cases, tolerance=4e-6):
    """Compares every case with float64."""
    for number, (each, found) in enumerate(zip(cases, run(folder, cases), strict=True)):
        for output, expected in zip(each.graph.results, exact(each.graph, each.inputs), strict=True):
            assert_near(found[output], expected, tolerance, f"case {number}: {each.plan}\n{each.code.source}")


class Grammar:
    """Products with random batches, orders in memory, element types, prologues and epilogues."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.torch = torch.Generator().manual_seed(seed)
        self.terms, self.inputs = Terms(), []

    def leaf(self, shape, dtype=DType.F32):
        given = torch.randn(shape, generator=self.torch)
        given = given if dtype.is_float else (given * 4).round()
        self.inputs.append(given.to(torch_dtype(dtype)))
        return self.terms.input(len(self.inputs) - 1, tensor(dtype, *shape))

    def factor(self, batch, rows, columns):
        pick, rank = self.random.choice, len(batch) + 2
        dims = pick([list(range(rank)), [*range(rank - 2), rank - 1, rank - 2], list(range(rank))[::-1]])
        shape = [0] * rank
        for axis, length in zip(dims, (*batch, rows, columns), strict=True):
            shape[axis] = length
        x = self.leaf(shape, pick([DType.F32, DType.F32, DType.I8, DType.F16])).permute(dims).cast(DType.F32)
        match pick(["plain", "plain", "relu", "scale", "tril", "triu"]):
            case "relu":
                return x.max(0.0)
            case "scale":
                return (x * self.leaf((rows, 1)) * 0.5).map("exp")
            case "tril" | "triu" as side:
                i, j = self.terms.iota((rows, columns), 0), self.terms.iota((rows, columns), 1)
                kept = i.map("ge" if side == "tril" else "le", j + self.random.randint(-3, 3))
                return self.terms.where(kept, x, 0.0)
        return x

    def graph(self):
        """(graph, inputs)"""
        m, n, k = (self.random.choice([1, 2, 7, 16, 20, 33, 48, 64]) for _ in range(3))
        left, right = self.random.choice(BATCHES)
        y, results = self.factor(left, m, k).dot(self.factor(right, k, n)), []
        for _ in range(self.random.randint(0, 4)):
            match self.random.choice(["bias", "act", "keep", "turn", "row", "residual", "heads"]):
                case "bias":
                    y = y + self.leaf((y.shape[-1],))
                case "act":
                    y = y.map("sigmoid") * y
                case "keep":
                    results.append(y)
                case "turn":
                    y = y.permute((*range(y.rank - 2), y.rank - 1, y.rank - 2)) * 2.0
                case "row":
                    y = y * self.leaf((y.shape[-2], 1))
                case "residual":
                    y = y + self.leaf(y.shape)
                case "heads" if y.shape[-1] % 2 == 0:
                    y = y.reshape((*y.shape[:-1], 2, y.shape[-1] // 2))
                    y = y.permute((*range(y.rank - 2), y.rank - 1, y.rank - 2)) + 1.0
        results.append(y)
        return self.terms.builder.finish([r.id for r in dict.fromkeys(results)]), self.inputs
