"""The float32 functions of Triton's prelude over the whole range, against float64: what the interpreter says of their
formulas, and what a GPU's own instructions make of them."""

from __future__ import annotations

import importlib.util
from importlib import resources

import numpy as np
import pytest
import torch

pytest.importorskip("triton")

import forked

from egg_search.core.hardware import detect_cuda


def softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x))


# Largest error on a GPU in units in the last place. Of exp(x) - 1, an error of exp is up to two units' worth.
ULPS = {"exp": 3, "expm1": 6, "log1p": 3, "tanh": 4, "sigmoid": 4, "softplus": 4, "mish_gate": 6, "erf_plus_one": 3e-7}
ABSOLUTE = {"erf_plus_one"}  # its bound is no number of units
TRUTHS = {"softplus": softplus, "mish_gate": lambda x: softplus(x).tanh(), "erf_plus_one": lambda x: x.erf() + 1}
KERNEL = """

@triton.jit
def kernel_{0}(x, y, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + at, k_{0}(tl.load(x + at)))


def {0}(x):
    y = torch.empty_like(x)
    kernel_{0}[(len(x) // 4096,)](x, y, BLOCK=4096)
    return y
"""
RUNNER = """
import sys, torch
sys.path.insert(0, sys.argv[1])
import functions
x = torch.load(sys.argv[1] + "/x")
torch.save({name: getattr(functions, name)(x) for name in sys.argv[2:]}, sys.argv[1] + "/y")
"""


def written(folder):
    preludes = resources.files("operators.authors.expert.triton") / "preludes"
    text = "".join((preludes / f"{name}.py.txt").read_text() for name in ("runtime", "math"))
    (folder / "functions.py").write_text(text + "".join(KERNEL.format(name) for name in ULPS))
    return folder / "functions.py"


def numbers():
    pattern = np.arange(0, 2**32, 65521, dtype=np.uint64).astype(np.uint32).view(np.float32)
    edges = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 88.72, 88.73, -87.4, -103.9, -104.1, 1e-40, -1e-40, 0.25]
    usual = np.random.default_rng(0).normal(size=20000) * 4
    found = np.concatenate([pattern, np.array(edges, np.float32), usual.astype(np.float32)])
    return torch.from_numpy(np.resize(found, -(-len(found) // 4096) * 4096))


def truth(name, x):
    return (TRUTHS.get(name) or getattr(torch, name))(x.double())


def agree_beyond_numbers(y, exact):
    assert torch.equal(y.isnan(), exact.isnan())
    assert torch.equal(y.isinf(), exact.float().isinf())


def test_formulas_in_the_interpreter(tmp_path):
    """Whose fused multiply-adds round twice, so that exponentials of large numbers lose what is put back on a GPU."""
    written(tmp_path)
    x = numbers()
    torch.save(x, tmp_path / "x")
    forked.run(RUNNER, tmp_path, *ULPS)
    for name, y in torch.load(tmp_path / "y").items():
        exact = truth(name, x)
        agree_beyond_numbers(y, exact)
        finite = exact.float().isfinite()
        rounds_twice = x.double().abs().clamp(max=1e3) / 4 if name not in ("log1p", "tanh", "erf_plus_one") else 0
        allowed = exact.abs() * 6e-7 * (1 + rounds_twice) + 1.2e-38
        allowed += ULPS[name] if name in ABSOLUTE else 0
        wrong = finite & ((y.double() - exact).abs() > allowed)
        assert not wrong.any(), (name, x[wrong][:5], y[wrong][:5], exact[wrong][:5])


@pytest.mark.gpu
@pytest.mark.skipif(detect_cuda() is None, reason="no GPU that torch can use")
@pytest.mark.parametrize("name", ULPS)
def test_errors_on_a_gpu(name, tmp_path):
    spec = importlib.util.spec_from_file_location(f"functions_{name}", written(tmp_path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x = numbers()
    y, exact = getattr(module, name)(x.cuda()).cpu(), truth(name, x)
    agree_beyond_numbers(y, exact)
    if name in ABSOLUTE:
        assert (y.double() - exact).abs().nan_to_num().max() <= ULPS[name]
        return
    rounded = exact.float()
    kept = rounded.isfinite() & (rounded.abs() > 1.2e-38)  # what is denormal may be 0
    unit = torch.from_numpy(np.spacing(rounded[kept].abs().numpy())).double()
    assert ((y[kept].double() - exact[kept]).abs() / unit).max() <= ULPS[name]
    assert (y[rounded.abs() <= 1.2e-38].abs() <= 1.2e-38).all()
