"""Triton attention to test: kernels of whole functions, and checks against float64."""

from __future__ import annotations

from dataclasses import replace

import torch
from interpreted import Case, assert_near, run, whole

from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.attention import AttentionGenerator
from operators.authors.expert.triton.nest.schedule import NOMINAL

ATTENTION = AttentionGenerator()
TOGETHER, SPLIT = ({"softmax": "online", "keys": keys, "products": "as given"} for keys in ("together", "split"))
PIECES, SPLIT_PIECES = ({**each, "products": "in pieces"} for each in (TOGETHER, SPLIT))
PIECE = {**TOGETHER, "products": "in one piece"}
ALL = TOGETHER, SPLIT, PIECES, SPLIT_PIECES


def data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def heads(q=21, kv=None, d=24, width=None, batch=(2, 2)):
    """Queries, keys and values."""
    kv = kv or q
    sizes = ((q, d), (kv, d), (kv, width or d))
    return [data(*batch, *size, seed=seed) for seed, size in enumerate(sizes)]


def supported(function, *inputs):
    return ATTENTION.supports(*whole(function, inputs))


def structures(function, *inputs):
    return [dict(choices) for choices in ATTENTION.structures(*whole(function, inputs))]


def case(function, *inputs, choices=None, hardware=NOMINAL, opened=None, **schedule):
    """All of `function` as one kernel, some values of its default schedule changed and some decisions open."""
    graph, nodes, outputs = whole(function, inputs)
    assert ATTENTION.supports(graph, nodes, outputs)
    plan = KernelPlan("attention", nodes, outputs, choices or dict(ATTENTION.structures(graph, nodes, outputs)[0]))
    decisions = {n: replace(d, choices=()) for n, d in ATTENTION.schedule(graph, plan, hardware).items()}
    decisions |= {n: replace(decisions[n], value=v) for n, v in schedule.items() if n in decisions}
    decisions |= {n: replace(decisions[n], choices=c) for n, c in (opened or {}).items()}
    plan = replace(plan, schedule=decisions)
    return Case(function, inputs, graph, plan, ATTENTION.emit(graph, plan, "k0"))


def check(folder, cases, tolerance=3e-6):
    """Compares every case with the function in float64; `cases` are by name."""
    for name, each, results in zip(cases, cases.values(), run(folder, list(cases.values())), strict=True):
        wide = [x.double() if x.is_floating_point() else x for x in each.inputs]
        truth = each.function(*wide)
        for output, expected in zip(each.graph.outputs, truth if isinstance(truth, tuple) else (truth,), strict=True):
            assert_near(results[output], expected, tolerance, name)
