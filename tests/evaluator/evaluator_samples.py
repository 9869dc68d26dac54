"""A small problem, an honest candidate for it, and candidates made from a forward body."""

from __future__ import annotations

import textwrap

from egg_search.core.candidate import Candidate, Dialect
from evaluator.settings import EvaluatorSettings, TimingRule

NORM_SOFTMAX = """
import torch
import torch.nn as nn

batch_size = 48
dim = 200


class Model(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.norm = nn.LayerNorm(features)

    def forward(self, x):
        return torch.softmax(self.norm(x), dim=-1)


def get_inputs():
    return [torch.randn(batch_size, dim)]


def get_init_inputs():
    return [dim]
"""

COMPILED = r'''
import ctypes, hashlib, os, subprocess, tempfile
from pathlib import Path

K0_LANES = 8  # knob tiling: 4 | 8

CODE = r"""
#include <cmath>
#include <cstdint>
extern "C" void k0(const float* x, const float* w, const float* b, float* y, int64_t rows, int64_t n) {
  #pragma omp parallel for
  for (int64_t r = 0; r < rows; ++r) {
    const float* p = x + r * n; float* q = y + r * n;
    double m = 0, v = 0, sum = 0; float top = -INFINITY;
    for (int64_t i = 0; i < n; ++i) m += p[i];
    m /= n;
    for (int64_t i = 0; i < n; ++i) v += (p[i] - m) * (p[i] - m);
    double s = 1 / std::sqrt(v / n + 1e-5);
    for (int64_t i = 0; i < n; ++i) {
      q[i] = float((p[i] - m) * s) * w[i] + b[i];
      top = std::isnan(q[i]) || q[i] > top ? q[i] : top;
    }
    for (int64_t i = 0; i < n; ++i) { q[i] = std::exp(q[i] - top); sum += q[i]; }
    for (int64_t i = 0; i < n; ++i) q[i] = float(q[i] / sum);
  }
}
"""


def _load():
    flags = ["-O2", "-fopenmp", "-shared", "-fPIC", f"-DLANES={K0_LANES}"]
    directory = Path(os.environ["EGG_BUILD_DIR"])
    target = directory / (hashlib.sha256((CODE + str(flags)).encode()).hexdigest()[:16] + ".so")
    if not target.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            (Path(scratch) / "k.cpp").write_text(CODE)
            subprocess.run(["g++", *flags, "k.cpp", "-o", "k.so"], cwd=scratch, check=True, capture_output=True)
            os.replace(Path(scratch) / "k.so", target)
    return ctypes.CDLL(str(target))


LIB = _load()


class ModelNew(Model):
    def forward(self, x):
        x, y = x.contiguous(), torch.empty_like(x)
        pointers = [ctypes.c_void_p(t.data_ptr()) for t in (x, self.norm.weight, self.norm.bias, y)]
        LIB.k0(*pointers, ctypes.c_int64(x.shape[0]), ctypes.c_int64(x.shape[1]))
        return y
'''

# Compiles when it is called first.
LAZY = """
import ctypes, os, subprocess

def compiled():
    target = os.environ["EGG_BUILD_DIR"] + "/lazy.so"
    if not os.path.exists(target):
        code = "extern \\"C\\" float twice(float x) { return 2 * x; }"
        command = ["g++", "-shared", "-fPIC", "-x", "c++", "-", "-o", target]
        subprocess.run(command, input=code, text=True, check=True)
    library = ctypes.CDLL(target)
    library.twice.restype, library.twice.argtypes = ctypes.c_float, [ctypes.c_float]
    return library
"""

QUICK = EvaluatorSettings(
    seed=7,
    torch_compile=False,
    memory_bytes=600 << 20,
    min_call_seconds=1.0,
    full=TimingRule(min_rounds=6, max_rounds=12, seconds=0.3, width=0.1),
    screen=TimingRule(min_rounds=4, max_rounds=6, seconds=0.1, width=0.2),
)


def candidate_of(forward: str, before: str = "", problem: str = NORM_SOFTMAX) -> Candidate:
    """The problem's source, `before` at module level, and a ModelNew whose forward has this body."""
    body = textwrap.indent(textwrap.dedent(forward).strip(), " " * 8)
    source = f"{problem}\n{textwrap.dedent(before)}\n\nclass ModelNew(Model):\n    def forward(self, x):\n{body}\n"
    return Candidate(source, Dialect.TORCH)
