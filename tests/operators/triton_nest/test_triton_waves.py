"""Rows in waves: in the interpreter, whose programs run in their order, against float64; where they are offered."""

import pytest

pytest.importorskip("triton")

import torch
import torch.nn.functional as F
from architectures import SHARED
from compiled import compiled
from interpreted import case, check, structures

WAVES = {"row": "waves", "softmax": "online", "moments": "one pass"}


def data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def normalised(x):
    return (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + 1e-5).sqrt()


def batch_norm(x):
    mean, variance = x.mean((0, 2)), x.var((0, 2), correction=0)
    return torch.relu((x - mean[:, None]) / (variance[:, None] + 1e-5).sqrt()), 0.9 * mean, 0.9 * variance


CASES = {
    "norm": (normalised, data(5, 301)),
    "softmax": (lambda x: torch.softmax(x * 3, -1), data(7, 300)),
    "channels": (batch_norm, data(3, 6, 80)),
    "rows and elements": (lambda x: (x.sum(1), x - x.amax(1, keepdim=True)), data(4, 301)),
}


@pytest.mark.parametrize("wave", [1, 2, 8])
def test_waves_agree_with_float64(tmp_path, wave):
    check(tmp_path, {name: case(*of, choices=WAVES, col_block=64, parts=4, wave=wave) for name, of in CASES.items()})


def offered(function, *shape):
    return [each["row"] for each in structures(function, torch.empty(1).expand(shape))]


def test_long_rows_that_are_written_come_in_waves():
    assert offered(normalised, 2048, 200_000)[0] == "waves"
    assert "waves" not in offered(normalised, 100, 8192)  # the cache has all of them
    assert "waves" not in offered(normalised, 1 << 20, 512)  # registers hold a row
    assert "waves" not in offered(lambda x: x.sum(1), 2048, 200_000)  # nothing is read again
    assert "waves" not in offered(lambda x: F.normalize(x - x.amax(1, keepdim=True)), 2048, 200_000)  # two levels


@pytest.mark.parametrize("arch", SHARED)
def test_waves_compile(tmp_path, monkeypatch, arch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    text = case(normalised, torch.empty(1).expand(2048, 200_704), choices=WAVES).module
    (kernel,) = compiled(tmp_path, f"waves_{arch}", text, arch)
    reads = [
        line.split() for line in kernel.ptx.splitlines() if ("ld.global" in line and ".f32" in line) or ".v4" in line
    ]
    assert kernel.spilled == 0 and reads and all(any(".v4." in word for word in line) for line in reads)
