"""Runs generated CUDA kernels on the CPU, by g++ and `emulated.h`, in a process of their own: against float64."""

from __future__ import annotations

import pickle
import subprocess
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import forked
import torch

from operators.authors.expert.capture import capture
from operators.authors.expert.cuda.nest import NestGenerator
from operators.authors.expert.cuda.nest.schedule import NOMINAL
from operators.authors.expert.cuda.prelude import paragraphs
from operators.authors.expert.plan import KernelPlan

NEST = NestGenerator()


class _Model(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


@dataclass(frozen=True)
class Case:
    """`function` of `inputs` as one kernel under its plan."""

    function: object
    inputs: tuple
    graph: object
    plan: KernelPlan
    generator: object = NEST

    def code(self, name="k0"):
        return self.generator.emit(self.graph, self.plan, name)


@cache
def whole(function, inputs):
    """(graph, nodes, outputs) of all of `function`. Tensors are equal to themselves only: a capture takes long."""
    graph = capture(_Model(function), inputs)
    return graph, tuple(n.id for n in graph.nodes if n.op != "input"), tuple(dict.fromkeys(graph.outputs))


def structures(function, *inputs, generator=NEST):
    return [dict(choices) for choices in generator.structures(*whole(function, inputs))]


def offers(function, inputs, choices, generator=NEST):
    """The values that each decision may take."""
    graph, nodes, outputs = whole(function, inputs)
    plan = KernelPlan(generator.kind, nodes, outputs, choices)
    found = generator.schedule(graph, plan, NOMINAL).values()
    return {d.name: (d.value, *d.choices) for d in found}


def case(function, *inputs, choices=None, hardware=NOMINAL, generator=NEST, **schedule):
    """All of `function` under the default schedule with some values changed to others that it may have."""
    graph, nodes, outputs = whole(function, inputs)
    assert generator.supports(graph, nodes, outputs)
    chosen = dict(generator.structures(graph, nodes, outputs)[0]) if choices is None else choices
    plan = KernelPlan(generator.kind, nodes, outputs, chosen)
    offered = generator.schedule(graph, plan, hardware)
    decisions = {n: replace(d, choices=()) for n, d in offered.items()}
    allowed = {n: v for n, v in schedule.items() if n in offered and v in offered[n].choices}
    decisions |= {n: replace(decisions[n], value=v) for n, v in allowed.items()}
    return Case(function, inputs, graph, replace(plan, schedule=decisions), generator)


_RUNNER = """
import ctypes, pickle, sys, torch
library = ctypes.CDLL(sys.argv[1] + "/kernels.so")
text, cases = pickle.load(open(sys.argv[1] + "/cases", "rb"))
class Kernel:
    def __init__(self, built, name):
        self.run = getattr(library, "run_" + name)
    def __call__(self, blocks, threads, *tensors):
        pointers = (ctypes.c_void_p * len(tensors))(*[t.data_ptr() for t in tensors])
        self.run(blocks[0], (*blocks, 1)[1], threads, pointers)
module = {"torch": torch, "_EGG_HELPERS": "", "_egg_build": lambda *a, **k: "", "_EggKernel": Kernel,
          "_egg_blocks": lambda n, each: -(-n // each)}
exec(text, module)
found = []
for name, inputs, outputs in cases:
    around = [torch.full((128 + o.numel(),), 77, dtype=o.dtype) for o in outputs]
    inside = [a[64:-64].view(o.shape) for a, o in zip(around, outputs)]
    module[name](*inputs, *inside)
    ends = [end for each in around for end in (each[:64], each[-64:])]
    assert all((end == end.new_full((), 77)).all() for end in ends), name + " writes past its outputs"
    found.append([i.clone() for i in inside])
torch.save(found, sys.argv[1] + "/found")
"""


def run(folder, cases):
    """The outputs of every case, by node; all compiled together and run in one process."""
    folder = Path(folder)
    codes = [each.code(f"k{i}_") for i, each in enumerate(cases)]
    text = "\n".join(code.source for code in codes)
    helpers = paragraphs(name for code in codes for name in code.preludes)
    for old, new in (
        ('asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));', "bits = to_half(x);"),
        ('asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));', "y = from_half(x.bits);"),
        ('asm volatile("barrier.cluster.arrive.aligned;" ::: "memory");', "emulation::wait(4);"),
        ('asm volatile("barrier.cluster.wait.aligned;" ::: "memory");', "emulation::wait(5);"),
        (
            'asm("mapa.u64 %0, %1, %2;" : "=l"(theirs) : "l"(&mine), "r"(rank));',
            "theirs = emulation::of_block(&mine, rank);",
        ),
        ('asm("div.full.f32 %0, %1, %2;" : "=f"(q) : "f"(a), "f"(b));', "q = a / b;"),
    ):
        helpers = helpers.replace(old, new)
    (folder / "kernels.cpp").write_text("\n".join(['#include "emulated.h"', helpers, *_sources(text)]))
    command = ["g++", "-std=c++17", "-O0", "-w", "-shared", "-fPIC", "-I", str(Path(__file__).parent)]
    done = subprocess.run(
        [*command, "-o", folder / "kernels.so", folder / "kernels.cpp"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:3000]
    jobs = []
    for code, each in zip(codes, cases, strict=True):
        values = {n.id: each.inputs[n.attrs["position"]].contiguous() for n in each.graph.nodes if n.op == "input"}
        types = [each.graph[o].type for o in code.writes]
        outputs = [torch.empty(t.shape, dtype=getattr(torch, t.dtype)) for t in types]
        jobs.append((code.name, [values[i] for i in code.reads], outputs))
    (folder / "cases").write_bytes(pickle.dumps((text.replace('device="cuda"', 'device="cpu"'), jobs)))
    forked.run(_RUNNER, folder)
    found = torch.load(folder / "found")
    return [dict(zip(code.writes, each, strict=True)) for code, each in zip(codes, found, strict=True)]


def _sources(text):
    """The C++ of every kernel with its macros, and what calls each."""
    sources = []

    class Kernel:
        def __init__(self, built, name):
            head = f'extern "C" void run_{name}(unsigned x, unsigned y, int threads, void** arguments)'
            sources.append(f"{head} {{ emulation::launch({name}, x, y, CLUSTER, threads, arguments); }}")

    def build(name, source, **macros):
        values = {"CLUSTER": 1, **macros}
        sources.extend([*(f"#undef {m}\n#define {m} {v}" for m, v in values.items()), source])

    exec(text, {"torch": torch, "_EGG_HELPERS": "", "_egg_build": build, "_EggKernel": Kernel})
    return sources


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
