"""Runs generated Triton kernels in Triton's interpreter, in a process of their own: a wrong store hits host memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import forked
import torch

from operators.authors.expert.capture import capture
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.dialect import TritonDialect
from operators.authors.expert.triton.nest import NestGenerator
from operators.authors.expert.triton.nest.schedule import NOMINAL

NEST = NestGenerator()
_RUNNER = """
import importlib, sys, torch
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    inputs, outputs = torch.load(f"{sys.argv[1]}/{name}.in")
    importlib.import_module(name).k0(*inputs, *outputs)
    torch.save(outputs, f"{sys.argv[1]}/{name}.out")
"""


class _Model(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


@dataclass(frozen=True)
class Case:
    """`function` of `inputs` as one kernel: its plan, and the module that defines it as `k0`."""

    function: object
    inputs: tuple
    graph: object
    plan: KernelPlan
    code: object

    @property
    def module(self):
        knobs = "\n".join(knob.declaration() for knob in self.code.knobs)
        return f"{knobs}\n{TritonDialect().definitions([self.code])}\n"


def whole(function, inputs):
    """(graph, nodes, outputs) of all of `function`."""
    return _whole(function, tuple(inputs))


@cache  # tensors are equal to themselves only: a capture takes long
def _whole(function, inputs):
    graph = capture(_Model(function), inputs)
    return graph, tuple(n.id for n in graph.nodes if n.op != "input"), tuple(dict.fromkeys(graph.outputs))


def structures(function, *inputs):
    return [dict(choices) for choices in NEST.structures(*whole(function, inputs))]


def case(function, *inputs, choices=None, hardware=NOMINAL, **schedule):
    """All of `function` under the default schedule with some values changed."""
    graph, nodes, outputs = whole(function, inputs)
    assert NEST.supports(graph, nodes, outputs)
    chosen = dict(NEST.structures(graph, nodes, outputs)[0]) if choices is None else choices
    plan = KernelPlan("nest", nodes, outputs, chosen)
    decisions = {n: replace(d, choices=()) for n, d in NEST.schedule(graph, plan, hardware).items()}
    decisions |= {n: replace(decisions[n], value=v) for n, v in schedule.items() if n in decisions}
    plan = replace(plan, schedule=decisions)
    return Case(function, inputs, graph, plan, NEST.emit(graph, plan, "k0"))


def run(folder, cases):
    """The outputs of every case, all in one process."""
    names = [f"case{i}" for i in range(len(cases))]
    for name, each in zip(names, cases, strict=True):
        (folder / f"{name}.py").write_text(each.module)
        values = {n.id: each.inputs[n.attrs["position"]].contiguous() for n in each.graph.nodes if n.op == "input"}
        types = [each.graph[o].type for o in each.code.writes]
        # Whatever is not written shows.
        outputs = [torch.full(t.shape, 77, dtype=getattr(torch, t.dtype)) for t in types]
        torch.save(([values[i] for i in each.code.reads], outputs), folder / f"{name}.in")
    forked.run(_RUNNER, folder, *names)
    found = [torch.load(folder / f"{name}.out") for name in names]
    return [dict(zip(c.code.writes, outputs, strict=True)) for c, outputs in zip(cases, found, strict=True)]


def check(folder, cases, tolerance=2e-6):
    """Compares every case with the function in float64; `cases` are by name."""
    for name, each, results in zip(cases, cases.values(), run(folder, list(cases.values())), strict=True):
        wide = [x.double() if x.is_floating_point() else x for x in each.inputs]
        truth = each.function(*wide)
        for output, expected in zip(each.graph.outputs, truth if isinstance(truth, tuple) else (truth,), strict=True):
            assert_near(results[output], expected, tolerance, name)


def assert_near(result, expected, tolerance, name=""):
    """Equal infinities and NaN, and errors below `tolerance` of the largest value; integers are equal."""
    assert result.shape == expected.shape, name
    if not expected.is_floating_point():
        assert torch.equal(result, expected.to(result.dtype)), name
        return
    expected, result = expected.double(), result.double()
    finite = expected.isfinite() & (expected.abs() < 3e38)
    assert torch.equal(result[~finite].nan_to_num(), expected[~finite].float().double().nan_to_num()), name
    scale = expected[finite].abs().max().item() if finite.any() else 0.0
    error = (result - expected)[finite].abs().max().item() if finite.any() else 0.0
    assert error <= tolerance * scale + 1e-37, (name, error, scale)
