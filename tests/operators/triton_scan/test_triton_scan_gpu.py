"""Triton scans on a GPU: right at real sizes, as exact as torch, equal from run to run, at the speed of memory."""

from __future__ import annotations

import importlib.util
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("triton")

from scans import LOOK_BACK, ONE_PASS, SPLIT, case

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")]


def rows(x):
    return torch.cumsum(x, 1)


def exclusive(x):
    return F.pad(torch.cumsum(x, -1), (1, 0))[:, :-1] + 0.5 * x


def from_the_end(x):
    return rows(x.flip(1)).flip(1)


SHAPES = {
    "rows": (rows, (3000, 3000), ONE_PASS),
    "chunks": (rows, (300, 100_003), ONE_PASS),
    "exclusive": (exclusive, (3000, 2048), ONE_PASS),
    "from the end": (from_the_end, (3000, 2050), ONE_PASS),
    "columns": (rows, (16, 1000, 520), ONE_PASS),
    "parts": (rows, (3, 3_000_001), SPLIT),
    "parts of columns": (rows, (2, 100_000, 70), SPLIT),
    "look back": (rows, (5, 3_000_001), LOOK_BACK),
    "look back from the end": (from_the_end, (1, 30_000_000), LOOK_BACK),
    "look back, exclusive": (exclusive, (2, 5_000_000), LOOK_BACK),
}


def launcher(folder, name, each):
    """Calls the kernel on tensors of the GPU and returns what it writes."""
    path = folder / f"scan_{abs(hash(name))}.py"
    path.write_text(each.module)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(*inputs):
        values = {n.id: inputs[n.attrs["position"]] for n in each.graph.nodes if n.op == "input"}
        types = [each.graph[o].type for o in each.code.writes]
        outputs = [torch.full(t.shape, 77, dtype=getattr(torch, t.dtype), device="cuda") for t in types]
        module.k0(*(values[i] for i in each.code.reads), *outputs)
        return outputs

    return call


@pytest.mark.parametrize("name", SHAPES)
def test_as_exact_as_torch_and_equal_from_run_to_run(tmp_path, name):
    function, shape, form = SHAPES[name]
    x = torch.randn(shape, device="cuda")
    call = launcher(tmp_path, name, case(function, torch.empty(1).expand(shape), choices=form))
    (first,) = call(x)
    truth = function(x.double())
    ours, theirs = ((y.double() - truth).norm().item() for y in (first, function(x)))
    assert ours <= 1.2 * theirs + 1e-7 * truth.norm().item()
    for _ in range(20):
        assert torch.equal(call(x)[0], first)


def test_a_product_beyond_float32_in_parts(tmp_path):
    x = torch.tensor([[1e-30, 1e-30, 1e30, 1e30] * 512] * 300)
    call = launcher(tmp_path, "product", case(lambda x: torch.cumprod(x, 1), x))
    torch.testing.assert_close(call(x.cuda())[0].double(), torch.cumprod(x.double().cuda(), 1), rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("shape", [(16384, 8192), (64, 2048, 1024)])
def test_bandwidth_is_near_that_of_a_copy(tmp_path, shape):
    x = torch.randn(shape, device="cuda")
    call = launcher(tmp_path, str(shape), case(rows, torch.empty(1).expand(shape)))
    out = torch.empty_like(x)
    times = {"scan": lambda: call(x), "copy": lambda: out.copy_(x), "filling": lambda: torch.full_like(x, 77)}
    found = {}
    for name, work in times.items():
        events = [torch.cuda.Event(enable_timing=True) for _ in range(12)]
        for event in events:
            event.record()
            work()
        torch.cuda.synchronize()
        found[name] = sorted(a.elapsed_time(b) for a, b in pairwise(events[1:]))[3]
    # What `call` fills beforehand is no part of the scan.
    fraction = found["copy"] / (found["scan"] - found["filling"])
    print(f"{shape}: {fraction:.2f} of a copy's bandwidth")
    assert fraction > 0.7
