"""The float32 functions of the prelude over the whole range, vectorised, against float64."""

from __future__ import annotations

import ctypes
import subprocess
from importlib import resources

import numpy as np
import pytest
import torch

from operators.authors.expert.cpp.compile import FLAGS


def softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x))


# Largest error in units in the last place.
ULPS = {
    "exp": 1, "exp2": 1, "expm1": 1.5, "log": 1, "log2": 2, "log1p": 1.5, "tanh": 2.5, "sinh": 3, "cosh": 3, "erf": 1,
    "sigmoid": 2.5, "softplus": 2, "mish_gate": 3.5, "sin": 0.51, "cos": 0.51,
}  # fmt: skip
OTHERS = {"softplus": softplus, "mish_gate": lambda x: softplus(x).tanh()}
CODE = """
extern "C" void f_{0}(const float* __restrict a, float* __restrict b, long n) {{
    #pragma omp simd
    for (long i = 0; i < n; ++i) b[i] = k_{0}(a[i]);
}}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("math")
    preludes = resources.files("operators.authors.expert.cpp") / "preludes"
    source = "".join((preludes / n).read_text().replace("#pragma once", "") for n in ("types.h", "math.h"))
    (folder / "math.cpp").write_text(source + "".join(CODE.format(name) for name in ULPS))
    command = ["g++", *FLAGS, "-fopt-info-vec-optimized", "-o", folder / "math.so", folder / "math.cpp"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return ctypes.CDLL(str(folder / "math.so")), done.stderr


def numbers():
    pattern = np.arange(0, 2**32, 20011, dtype=np.uint64).astype(np.uint32).view(np.float32)
    edges = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 88.72, 88.73, -87.4, -103.9, -104.1, 1e-40, -1e-40, 0.25]
    usual = np.random.default_rng(0).normal(size=20000) * 4
    return np.concatenate([pattern, np.array(edges), usual]).astype(np.float32)


@pytest.mark.parametrize("name", ULPS)
def test_error_and_special_values(library, name):
    x, y = numbers(), np.empty_like(numbers())
    if name in ("sin", "cos"):
        x = np.where(np.abs(x) < 1e14, x, np.float32(0.5))
    function = getattr(library[0], f"f_{name}")
    function(*(ctypes.c_void_p(a.ctypes.data) for a in (x, y)), ctypes.c_long(len(x)))
    truth = (OTHERS.get(name) or getattr(torch, name))(torch.from_numpy(x.astype(np.float64))).numpy()
    with np.errstate(over="ignore"):
        rounded = truth.astype(np.float32)
    assert np.array_equal(np.isnan(y), np.isnan(truth))
    assert np.array_equal(np.isinf(y), np.isinf(rounded))
    finite = np.isfinite(rounded)
    unit = np.maximum(np.spacing(np.abs(rounded[finite])).astype(np.float64), 1.5e-45)
    error = np.abs(y[finite] - truth[finite])
    # sigmoid is 1 / (1 + exp(-x)), as in torch: denormal results are 0.
    error[np.abs(truth[finite]) < 1.2e-38] *= name != "sigmoid"
    assert (error / unit).max() <= ULPS[name]


def test_every_function_vectorises(library):
    assert library[1].count("loop vectorized") >= len(ULPS)
