"""Triton scans for real GPUs, compiled without one: resources, width of accesses, 64-bit positions."""

from __future__ import annotations

import pytest

pytest.importorskip("triton")

import torch
import torch.nn.functional as F
from architectures import SHARED, kernels_and_architectures
from compiled import compiled
from scans import LOOK_BACK, ONE_PASS, SPLIT, case, extreme


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))


def shaped(*shape, dtype=torch.float32):
    """Only its shape counts, however large."""
    return torch.empty(1, dtype=dtype).expand(shape)


def rows(x):
    return torch.cumsum(x, 1)


def shifted(x):
    return F.pad(torch.cumsum(x, -1), (1, 0))[:, :-1] + 0.5 * x


def from_the_end(x):
    return rows(x.flip(1)).flip(1)


def decay(x, y):
    return torch.cumprod(1 - 0.01 * torch.sigmoid(x), -1) * y


KERNELS = {
    "rows": lambda: case(rows, shaped(16384, 8192)),
    "shifted": lambda: case(shifted, shaped(16384, 8192)),
    "reversed": lambda: case(from_the_end, shaped(16384, 4096)),
    "columns": lambda: case(rows, shaped(64, 2048, 1024)),
    "product": lambda: case(decay, shaped(16384, 4096), shaped(16384, 4096)),
    "counts": lambda: case(lambda x: torch.cumsum(x.to(torch.int64), 1), shaped(16384, 4096, dtype=torch.bool)),
    "double": lambda: case(rows, shaped(4096, 4096, dtype=torch.float64)),
    "half": lambda: case(shifted, shaped(4096, 4096, dtype=torch.bfloat16)),
    "maximum": lambda: extreme("max", 1, shaped(4096, 4096)),
    "piped": lambda: case(rows, shaped(4096, 100_000), choices=ONE_PASS, num_stages=3),
    "parts": lambda: case(rows, shaped(4, 1 << 24), choices=SPLIT),
    "look back": lambda: case(shifted, shaped(4, 1 << 24), choices=LOOK_BACK),
}


@pytest.mark.parametrize(("name", "arch"), kernels_and_architectures(KERNELS, ["rows", "parts", "look back"]))
def test_default_schedules_fit(tmp_path, name, arch):
    for kernel in compiled(tmp_path, f"scan_{arch}_{abs(hash(name))}", KERNELS[name]().module, arch):
        assert kernel.shared <= SHARED[arch] // 2  # two programs at least
        assert kernel.spilled == 0, (kernel.name, kernel.registers)
        assert kernel.registers <= 128, kernel.name


@pytest.mark.parametrize("name", ["rows", "shifted", "reversed", "columns", "product"])
def test_accesses_are_16_bytes_wide(tmp_path, name):
    (kernel,) = compiled(tmp_path, f"wide_{name}", KERNELS[name]().module, 90)
    words = [word for line in kernel.ptx.splitlines() for word in line.split()]
    accesses = [word for word in words if word.startswith(("ld.global", "st.global"))]
    assert accesses and all(".v4." in word for word in accesses)


def test_what_others_publish_is_read_anew_and_written_in_one_word(tmp_path):
    (kernel,) = compiled(tmp_path, "words", KERNELS["look back"]().module, 90)
    assert "ld.volatile.global" in kernel.ptx
    waits = 2
    assert kernel.ptx.count(".relaxed.or.b64") == waits  # threads that hold the same word are told the same
    assert "atom" in kernel.ptx and ".exch.b64" in kernel.ptx


@pytest.mark.parametrize("form", [ONE_PASS, SPLIT, LOOK_BACK])
def test_positions_beyond_32_bits_are_64_bits_wide(form):
    for height, wide in ((1 << 20, True), (1 << 10, False)):
        assert (".to(tl.int64) * CHUNK" in case(rows, shaped(height, 4096), choices=form).module) is wide
