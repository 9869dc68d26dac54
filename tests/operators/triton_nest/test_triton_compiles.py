"""Triton kernels of nests for real GPUs, compiled without one: resources, width of accesses, 64-bit positions."""

from __future__ import annotations

import pytest

pytest.importorskip("triton")

import torch
import torch.nn.functional as F
from architectures import SHARED, kernels_and_architectures
from compiled import compiled
from interpreted import case, structures


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))


def shaped(*shape):
    """Only its shape counts, however large."""
    return torch.empty(1).expand(shape)


KERNELS = {
    "softmax": (lambda x: torch.softmax(x, -1), (4096, 4096)),
    "long softmax": (lambda x: torch.softmax(x, -1), (512, 100_000)),
    "column sums": (lambda x: x.sum(0), (8192, 512)),
    "channels": (
        lambda x: (x - x.mean((0, 2), keepdim=True)) * torch.rsqrt(x.var((0, 2), keepdim=True)),
        (32, 64, 784),
    ),
    "turned": (lambda x: (x.transpose(1, 2) * 2).contiguous(), (4, 512, 512)),
    "pooling": (lambda x: F.max_pool2d(x, 3, 2, 1), (8, 16, 56, 56)),
}


@pytest.mark.parametrize(("name", "arch"), kernels_and_architectures(KERNELS, ["softmax", "turned"]))
def test_default_schedules_fit(tmp_path, name, arch):
    function, shape = KERNELS[name]
    x = shaped(*shape)
    for i, choices in enumerate(structures(function, x)[: 2 if arch == 90 else 1]):
        text = case(function, x, choices=choices).module
        for kernel in compiled(tmp_path, f"kernel_{arch}_{abs(hash((name, i)))}", text, arch):
            assert kernel.shared <= SHARED[arch]
            assert kernel.spilled == 0, (choices, kernel.name, kernel.registers)


@pytest.mark.parametrize("name", ["softmax", "turned"])
def test_contiguous_accesses_are_16_bytes_wide(tmp_path, name):
    function, shape = KERNELS[name]
    (kernel,) = compiled(tmp_path, f"wide_{name}", case(function, shaped(*shape)).module, 90)
    lines = [line.split() for line in kernel.ptx.splitlines()]
    reads = [line for line in lines if any(word.startswith("ld.global") for word in line)]
    assert reads and all(any(".v4." in word for word in line) for line in reads)


def test_the_largest_rows_in_registers_do_not_spill(tmp_path):
    (kernel,) = compiled(tmp_path, "largest", case(lambda x: torch.softmax(x, -1), shaped(64, 16_384)).module, 90)
    assert "hold rows" in case(lambda x: torch.softmax(x, -1), shaped(64, 16_384)).module
    assert kernel.spilled == 0


@pytest.mark.parametrize(("rows", "wide"), [(1 << 20, True), (1 << 10, False)])
def test_positions_beyond_32_bits_are_64_bits_wide(rows, wide):
    for function in (F.gelu, lambda x: x.sum(1), lambda x: x.sum(0)):
        assert (".to(tl.int64)" in case(function, shaped(rows, 4096)).module) is wide
