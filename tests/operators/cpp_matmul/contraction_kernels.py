"""Compiles one kernel of a generator with g++ and runs it on tensors, beside the IR's reference in float64."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from egg_search.core.hardware import Hardware, detect_cpu
from egg_search.core.knobs import Value
from operators.authors.expert import cpp
from operators.authors.expert.generator import Generator
from operators.authors.expert.ir.graph import DType, Graph, GraphBuilder, TensorType
from operators.authors.expert.ir.interpret import evaluate
from operators.authors.expert.ir.terms import torch_dtype
from operators.authors.expert.plan import KernelCode, KernelPlan

_PRELUDES = Path(cpp.__file__).parent / "preludes"
FLAGS = "-O3 -march=native -std=c++17 -fopenmp -fno-math-errno -fno-trapping-math -fPIC -shared".split()


@cache
def hardware() -> Hardware:
    return detect_cpu()


def whole_kernel(generator: Generator, graph: Graph, choices: Mapping[str, Value] | None = None) -> KernelPlan:
    """One kernel for everything in `graph` but its leaves, with the default schedule and no knobs open."""
    nodes = tuple(n.id for n in graph.nodes if n.op not in ("input", "state"))
    kernel = KernelPlan(generator.kind, nodes, graph.results)
    choices = generator.structures(graph, nodes, graph.results)[0] if choices is None else choices
    kernel = replace(kernel, choices=dict(choices))
    schedule = generator.schedule(graph, kernel, hardware())
    return replace(kernel, schedule={name: replace(d, choices=()) for name, d in schedule.items()})


def with_values(kernel: KernelPlan, values: Mapping[str, Value]) -> KernelPlan:
    """The kernel with some decisions of its schedule changed; names that it does not have are left out."""
    changed = {n: replace(d, value=values.get(n, d.value)) for n, d in kernel.schedule.items()}
    return replace(kernel, schedule=changed)


def compiled(code: KernelCode) -> ctypes.CDLL:
    text = "\n".join((_PRELUDES / name).read_text() for name in code.preludes) + code.source
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / "egg-test-kernels"
    folder.mkdir(exist_ok=True)
    library = folder / f"{key}.so"
    if not library.exists():
        source = folder / f"{key}.cpp"
        source.write_text(text)
        command = ["g++", *FLAGS, "-Wno-pragma-once-outside-header", "-o", str(library), str(source)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + "\n" + code.source
    return ctypes.CDLL(str(library))


def run(graph: Graph, code: KernelCode, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The kernel's outputs; `inputs` by position. Outputs start as garbage."""
    leaves = {n.id: inputs[n.attrs["position"]].contiguous() for n in graph.nodes if n.op == "input"}
    made = {i: torch.empty(graph[i].shape, dtype=torch_dtype(graph[i].dtype)) for i in code.writes}
    for tensor in made.values():
        tensor.view(torch.uint8).fill_(0xFF)
    arguments = [leaves[i] for i in code.reads] + [made[i] for i in code.writes]
    function = getattr(compiled(code), code.name)
    function.argtypes, function.restype = [ctypes.c_void_p] * len(arguments), None
    function(*(tensor.data_ptr() for tensor in arguments))
    return [made[i] for i in graph.results]


def exact(graph: Graph, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The results of `graph` in float64."""
    wide = _widened(graph)
    values = evaluate(wide, [x.double() if x.is_floating_point() else x for x in inputs], {})
    return [values[i] for i in wide.results]


def _widened(graph: Graph) -> Graph:
    builder, new = GraphBuilder(), {}
    for node in graph.nodes:
        dtype = DType.F64 if node.dtype.is_float else node.dtype
        inputs = tuple(new[i] for i in node.inputs)
        new[node.id] = builder.add(node.op, inputs, TensorType(dtype, node.shape), **node.attrs)
    return builder.finish([new[i] for i in graph.outputs])


def check(graph: Graph, code: KernelCode, inputs: Sequence[torch.Tensor], tolerance: float = 2e-6) -> None:
    """Asserts that the kernel agrees with float64, relative to the largest element of each output."""
    for got, want in zip(run(graph, code, inputs), exact(graph, inputs), strict=True):
        assert got.shape == want.shape
        special = ~want.isfinite()
        assert torch.equal(got.double()[special].nan_to_num(7.0), want[special].nan_to_num(7.0)), "NaN or inf moved"
        scale = want[~special].abs().max().item() if (~special).any() else 1.0
        error = (got.double() - want)[~special].abs().max().item() if (~special).any() else 0.0
        assert error <= tolerance * max(scale, 1e-30), f"error {error / scale:.2e}\n{code.source}"
