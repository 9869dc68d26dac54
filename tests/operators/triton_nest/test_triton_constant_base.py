"""A power of a constant, as rotary embeddings make their frequencies."""

import pytest

pytest.importorskip("triton")

import torch
from compiled import compiled
from interpreted import case, check


def frequencies(x):
    return 1.0 / 10000.0**x


def test_it_is_right(tmp_path):
    check(tmp_path, {"constant base": case(frequencies, torch.linspace(-1, 1, 64))}, tolerance=1e-6)


def test_it_compiles(tmp_path):
    text = case(frequencies, torch.linspace(-1, 1, 64)).module
    assert compiled(tmp_path, "constant_base", text, 90)
