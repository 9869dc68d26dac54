"""The signature on candidates as different authors would write them: blind to levers, sensitive to the algorithm."""

import pytest

from egg_search.core.candidate import CandidateError, Dialect
from egg_search.core.signature import _READERS, signature, structure

KERNEL = r"""
#include <cmath>
#define ROWS 128
extern "C" void softmax_rows(const float* __restrict__ x, float* __restrict__ y, long n) {
    // pass: maximum
    #pragma omp parallel for
    for (long r = 0; r < ROWS; r++) {
        const float *p = x + r * n;
        float m = p[0];
        for (long i = 1; i < n; i++) m = std::max(m, p[i]);
        // pass: sum of exponentials
        float s = 0;
        for (long i = 0; i < n; i++) s += std::exp(p[i] - m);
        // pass: normalise
        for (long i = 0; i < n; i++) y[r * n + i] = std::exp(p[i] - m) / s;
    }
}
"""

# The same algorithm: unrolled, vectorised by hand, prefetched, streamed, blocked, renamed.
TUNED = r"""
#include <immintrin.h>
typedef float v8 __attribute__((vector_size(32)));
#define UNROLL 4
static inline v8 vexp(v8 x) { return x * x + 1.f; }
static inline float hmax(v8 m) { float best = m[0]; for (int i = 1; i < 8; i++) best = fmaxf(best, m[i]); return best; }
extern "C" void softmax_rows(const float* input, float* output, long columns) {
    // pass: maximum
    #pragma omp parallel for schedule(dynamic, 4) num_threads(2)
    for (long block = 0; block < ROWS; block += 8)
    for (long row = block; row < block + 8; row += 1) {
        v8 m0, m1;
        long i = 0;
        for (; i + 16 <= columns; i += 16) {
            __builtin_prefetch(input + i + 64);
            m0 = _mm256_max_ps(m0, load(input + i));
            m1 = _mm256_max_ps(m1, load(input + i + 8));
        }
        float top = hmax(m0);
        // pass: sum of exponentials
        v8 s0, s1;
        for (i = 0; i < columns; i += 16) { s0 += vexp(load(input) - top); s1 += vexp(load(input + 8) - top); }
        // pass: normalise
        for (i = 0; i < columns; i += 8) _mm256_stream_ps(output + i, vexp(load(input + i) - top) / s0);
    }
}
"""

MODULE = '''
import ctypes
import torch
import torch.nn as nn

class Model(nn.Module):
    """The problem."""
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)
    def forward(self, x):
        return torch.softmax(self.linear(x), -1)

K0_TILE = 64  # knob tiling: 64 | 128

SOURCE = r"""KERNEL"""

def load(source, flags):
    return ctypes.CDLL(source)

lib = load(SOURCE, [f"-DK0_TILE={K0_TILE}"])
softmax_rows = lib.softmax_rows

def dense(t):
    return t if t.is_contiguous() else t.contiguous()

class ModelNew(Model):
    def fits(self, x):
        return x.shape == (128, 8)

    def forward(self, x):
        if not self.fits(x):
            return super().forward(x)
        h = torch.nn.functional.linear(dense(x), self.linear.weight, self.linear.bias)
        out = torch.empty((128, 8), dtype=torch.float32)
        softmax_rows(h.data_ptr(), out.data_ptr(), ctypes.c_long(8))
        return out
'''


def module(kernel=KERNEL, *replacements):
    text = MODULE.replace("KERNEL", kernel, 1)
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text


def sign(*args):
    return signature(module(*args), Dialect.CPP)


def test_a_person_can_read_it():
    assert structure(module(), Dialect.CPP) == (
        "torch linear input0 state0 state1 -> value0",
        "launch kernel0 value0 buffer0",
        "return buffer0",
        "kernel 0: parameters read float, write float; calls exp; accumulates max, sum; "
        "passes maximum, sum of exponentials, normalise",
    )


LEVERS = {
    "another schedule": (TUNED,),
    "knob default": (KERNEL, ("K0_TILE = 64", "K0_TILE = 128")),
    "knob choices": (KERNEL, ("64 | 128", "64 | 128 | 256")),
    "a new knob": (KERNEL, ("K0_TILE = 64", "K0_UNROLL = 1  # knob tiling: 1 | 2\nK0_TILE = 64")),
    "comments": (KERNEL, ("import ctypes", "# egg-facts: {}\n# words\nimport ctypes")),
    "kernel's name": (KERNEL, ("softmax_rows", "k0")),
    "variables": (KERNEL, ("out", "result"), ("dense", "_egg_dense")),
    "fewer guards": (KERNEL, ("not self.fits(x)", "x.shape != (128, 8) or x.dtype is not torch.float32")),
    "no guard": (KERNEL, ("        if not self.fits(x):\n            return super().forward(x)\n", "")),
    "wrapper function": (
        KERNEL,
        ("softmax_rows = lib.softmax_rows", "def run(a, b):\n    lib.softmax_rows(a.data_ptr(), b.data_ptr(), 8)"),
        ("softmax_rows(h.data_ptr(), out.data_ptr(), ctypes.c_long(8))", "run(h, out)"),
    ),
    "getattr": (
        KERNEL,
        ("softmax_rows = lib", 'f = getattr(lib, "softmax_rows")  # lib'),
        ("        softmax_rows(", "        f("),
    ),
    "allocation": (KERNEL, ("torch.empty((128, 8), dtype=torch.float32)", "torch.empty_like(h)")),
    "imported function": (
        KERNEL,
        ("import ctypes", "import ctypes\nfrom torch.nn.functional import linear"),
        ("torch.nn.functional.linear", "linear"),
    ),
    "dead kernel": (KERNEL + 'extern "C" void unused(double* z) { z[0] = std::tanh(z[1]); }',),
    "dead torch code": (KERNEL, ("def dense(t)", "def never(t):\n    return torch.sin(t)\n\ndef dense(t)")),
    "macro": (KERNEL.replace("std::exp(p[i] - m)", "E(p[i])").replace("#", "#define E(v) expf((v) - m)\n#", 1),),
    "helper": (
        KERNEL.replace("s += std::exp(p[i] - m)", "s += shifted(p[i], m)").replace(
            'extern "C"', "static float shifted(float v, float m) { return std::exp(v - m); }\nextern \"C\"", 1
        ),
    ),
    "linkage block": (KERNEL.replace('extern "C" void', 'extern "C" {\nvoid') + "}",),
    "max by comparison": (KERNEL.replace("m = std::max(m, p[i])", "m = p[i] > m ? p[i] : m"),),
    "sum written out": (KERNEL.replace("s += std::exp(p[i] - m)", "s = s + std::exp(p[i] - m)"),),
}  # fmt: skip

STRUCTURES = {
    "another pass": (KERNEL.replace("// pass: normalise", "// pass: rescale"),),
    "one pass less": (KERNEL.replace("// pass: maximum", ""),),
    "other function": (KERNEL.replace("std::exp(p[i] - m) / s", "std::tanh(p[i] - m) / s"),),
    "other accumulation": (KERNEL.replace("std::max(m, p[i])", "std::min(m, p[i])"),),
    "no accumulation": (KERNEL.replace("s += std::exp(p[i] - m)", "s = std::exp(p[i] - m)"),),
    "double": (KERNEL.replace("float* __restrict__ y", "double* __restrict__ y"),),
    "one more tensor": (KERNEL.replace("long n", "const float* bias, long n"),),
    "the order of torch and kernel": (
        KERNEL,
        ("        return out", "        return torch.nn.functional.linear(out, self.linear.weight)"),
    ),
    "library softmax": (KERNEL, ("softmax_rows(h.data_ptr(), ", "out = h.softmax(-1); (lambda *a: a)(")),
    "launched twice": (
        KERNEL,
        ("        return out", "        softmax_rows(out.data_ptr(), h.data_ptr(), 8)\n        return h"),
    ),
    "other data flow": (KERNEL, ("softmax_rows(h.data_ptr()", "softmax_rows(x.data_ptr()")),
    "other result": (KERNEL, ("return out", "return h")),
    "original forward": (KERNEL, ("        h = torch", "        return super().forward(x)\n        h = torch")),
    "operator": (KERNEL, ("return out", "return out * x")),
    "a loop of launches": (KERNEL, ("        softmax_rows(", "        for _ in range(4):\n          softmax_rows(")),
}  # fmt: skip


@pytest.mark.parametrize("name", LEVERS)
def test_levers_leave_no_trace(name):
    assert structure(module(*LEVERS[name]), Dialect.CPP) == structure(module(), Dialect.CPP)
    assert sign(*LEVERS[name]) == sign()


@pytest.mark.parametrize("name", STRUCTURES)
def test_algorithms_differ(name):
    assert sign(*STRUCTURES[name]) != sign()


def test_structures_differ_among_themselves():
    signatures = [sign(*arguments) for arguments in STRUCTURES.values()]
    assert len(set(signatures)) == len(signatures)


def test_forward_with_star_arguments_and_submodules():
    source = """
import torch
from torch import nn
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(8)
    def forward(self, x, y):
        return x
class ModelNew(Model):
    def forward(self, *args, **kwargs):
        if kwargs:
            return super().forward(*args, **kwargs)
        a0, a1 = args
        values, indices = torch.max(a1, dim=-1)
        return self.norm(a0), indices + args[0]
"""
    assert structure(source, Dialect.TORCH) == (
        "torch max input1 -> value0",
        "torch LayerNorm input0 state0 -> value1",
        "torch add value0.1 input0 -> value2",
        "return value1 value2",
    )


def test_state_by_name_and_in_place_operators():
    source = """
import torch
class ModelNew(torch.nn.Module):
    def _state(self, name):
        return getattr(self, name)
    def forward(self, x):
        t0 = self._state("running")
        t1 = x.add_(t0).view(-1)
        self._state("running").copy_(t1)
        return t1
"""
    assert structure(source, Dialect.TORCH) == (
        "torch add input0 state0 -> value0",
        "torch copy state0 input0 -> value1",
        "return input0",
    )


def test_recursion_and_odd_code_end():
    source = """
import torch
def f(x, n):
    return f(x, n - 1) if n else x
class ModelNew(torch.nn.Module):
    def forward(self, x: torch.Tensor):
        d = {"a": [y * 2 for y in (x, x)], **{}}
        while True:
            try:
                assert x.shape[0] > 0
                return f(torch.relu(d["a"][0]), 3)
            except (ValueError, *()):
                pass
"""
    assert "torch relu" in "\n".join(structure(source, Dialect.TORCH))


@pytest.mark.parametrize("source", ["class ModelNew: pass", "x = 1"])
def test_no_forward_is_an_error(source):
    with pytest.raises(CandidateError, match="forward"):
        signature(source, Dialect.CPP)


def test_dialects_without_a_reader_say_so(monkeypatch):
    monkeypatch.delitem(_READERS, Dialect.TORCH)
    with pytest.raises(CandidateError, match="dialect torch"):
        signature(module(), Dialect.TORCH)


@pytest.mark.parametrize("junk", ["{{{", 'extern "C" void f(', "f(){", ")}(){;", "a(b{c)d}e", "\\\n#define X(", "''' "])
def test_broken_kernel_text_is_read_as_far_as_it_goes(junk):
    assert structure(module(KERNEL + "\n" + junk), Dialect.CPP)
