"""Triton scans to test: functions as one kernel, under a schedule with some values changed."""

from __future__ import annotations

from dataclasses import replace

import torch
from interpreted import Case, whole

from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.terms import Terms
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.nest.schedule import NOMINAL
from operators.authors.expert.triton.scan import ScanGenerator

SCAN = ScanGenerator()
ONE_PASS, SPLIT, LOOK_BACK = ({"scan": form} for form in ("one pass", "split", "look back"))


def data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def case(function, *inputs, choices=None, hardware=NOMINAL, opened=None, **schedule):
    """All of `function` as one scan kernel; `opened` are choices of decisions that become knobs."""
    return _case(function, *whole(function, inputs), inputs, choices, hardware, opened or {}, schedule)


def extreme(op, axis, x, reverse=False, choices=None, **schedule):
    """A running maximum or minimum."""
    terms = Terms()
    result = terms.input(0, TensorType(DType(str(x.dtype).removeprefix("torch.")), tuple(x.shape))).scan(
        op, axis, reverse
    )
    graph = terms.builder.finish([result.id])

    def function(x):
        running = {"max": torch.cummax, "min": torch.cummin}[op]
        return running(x.flip(axis), axis)[0].flip(axis) if reverse else running(x, axis)[0]

    nodes = tuple(n.id for n in graph.nodes if n.op != "input")
    return _case(function, graph, nodes, graph.outputs, (x,), choices, NOMINAL, {}, schedule)


def structures(function, *inputs):
    return [dict(choices) for choices in SCAN.structures(*whole(function, inputs))]


def _case(function, graph, nodes, outputs, inputs, choices, hardware, opened, schedule):
    assert SCAN.supports(graph, nodes, outputs)
    plan = KernelPlan("scan", nodes, outputs, choices or dict(SCAN.structures(graph, nodes, outputs)[0]))
    decisions = {n: replace(d, choices=()) for n, d in SCAN.schedule(graph, plan, hardware).items()}
    decisions |= {n: replace(decisions[n], value=v) for n, v in schedule.items() if n in decisions}
    decisions |= {n: replace(decisions[n], choices=c) for n, c in opened.items()}
    plan = replace(plan, schedule=decisions)
    return Case(function, inputs, graph, plan, SCAN.emit(graph, plan, "k0"))
