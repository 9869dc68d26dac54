"""Calls that the kernels are not made for run the original forward: on a GPU in strict float32 where PyTorch ships with
TF32 on, or no candidate for a convolution would be as exact as it says."""

from __future__ import annotations

import pytest

from egg_search.core.candidate import Dialect
from egg_search.core.hardware import Hardware, detect_cpu
from egg_search.core.problem import Problem
from egg_search.problems import bundled
from operators.authors.expert.author import ExpertAuthor
from operators.base import Brief

GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536, 90)
STRICT = "            with _EggTf32(False):\n                return super().forward(*args, **kwargs)"


def seed(name: str, dialect: Dialect, hardware: Hardware) -> str:
    problem = Problem.from_file(bundled()[name], {}, "cpu")
    return ExpertAuthor().write(Brief("seed", problem, hardware, dialect, 0, limit=1))[0].source


@pytest.mark.parametrize("name", ["conv_2d_relu_scale", "pointwise_conv_2d", "transposed_conv_2d"])
@pytest.mark.parametrize("dialect", [Dialect.TRITON, Dialect.CUDA])
def test_the_original_of_a_convolution_is_strict_on_a_gpu(name, dialect):
    source = seed(name, dialect, GPU)
    assert STRICT in source and "class _EggTf32" in source


@pytest.mark.parametrize(
    ("name", "dialect", "hardware"),
    [("conv_2d_relu_scale", Dialect.CPP, detect_cpu()), ("layer_norm", Dialect.TRITON, GPU)],
)
def test_others_are_left_alone(name, dialect, hardware):
    assert "_EggTf32" not in seed(name, dialect, hardware)
