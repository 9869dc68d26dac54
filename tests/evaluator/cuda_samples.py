"""A problem for a GPU, honest candidates for it, and ones that try to be faster than they are."""

from __future__ import annotations

from evaluator_samples import candidate_of

ROWS = """
import torch
import torch.nn as nn

batch_size = 4096
dim = 1024


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
_TRITON = """
import triton
import triton.language as tl

@triton.jit
def rows(x, w, b, y, n, eps, BLOCK: tl.constexpr):
    row, columns = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    mask = columns < n
    value = tl.load(x + row * n + columns, mask=mask, other=0.0)
    centred = tl.where(mask, value - tl.sum(value, 0) / n, 0.0)
    value = centred / tl.sqrt(tl.sum(centred * centred, 0) / n + eps)
    value = value * tl.load(w + columns, mask=mask) + tl.load(b + columns, mask=mask)
    value = tl.where(mask, value, float("-inf"))
    raised = tl.exp(value - tl.max(value, 0))
    tl.store(y + row * n + columns, raised / tl.sum(raised, 0), mask=mask)
"""
_LAUNCH = """
y, n = torch.empty_like(x), x.shape[-1]
rows[(x.numel() // n,)](x, self.norm.weight, self.norm.bias, y, n, self.norm.eps, BLOCK=triton.next_power_of_2(n))
return y
"""
_RIGHT = "torch.softmax(self.norm(x), dim=-1)"
_SIDE = "SIDE = None\ndef side():\n    global SIDE\n    SIDE = SIDE or torch.cuda.Stream()\n    return SIDE"
SLEEP = 6_000_000  # clock cycles: more than three milliseconds


def _candidate(forward: str, before: str = ""):
    return candidate_of(forward, before, ROWS)


TORCH = _candidate(f"return {_RIGHT}")
TRITON = _candidate(_LAUNCH, _TRITON)

WRONG = {
    "zeros": _candidate("return torch.zeros_like(x)"),
    "remembers by address": _candidate(
        f"""
        if x.data_ptr() not in KNOWN:
            KNOWN[x.data_ptr()] = {_RIGHT}
        return KNOWN[x.data_ptr()]""",
        "KNOWN = {}",
    ),
    "does not wait for its stream": _candidate(
        f"""
        y = torch.empty_like(x)
        with torch.cuda.stream(side()):
            torch.cuda._sleep({SLEEP})
            y.copy_({_RIGHT})
        return y""",
        _SIDE,
    ),
    "answers before it has computed": _candidate(
        f"torch.cuda._sleep({SLEEP})\nreturn {_RIGHT}", "torch.cuda.synchronize = lambda *_: None"
    ),
}

SLOW = {  # right, and slower than they would like to look
    "patched clocks": _candidate(
        f"torch.cuda._sleep({SLEEP})\nreturn {_RIGHT}",
        """
        import time
        torch.cuda.Event.elapsed_time = lambda *_: 1e-3
        time.perf_counter = time.monotonic = time.time = lambda: 0.0""",
    ),
    "works on behind the call": _candidate(
        f"""
        with torch.cuda.stream(side()):
            torch.cuda._sleep({SLEEP})
        return {_RIGHT}""",
        _SIDE + "\ntorch.cuda.synchronize = lambda *_: torch.cuda.current_stream().synchronize()",
    ),
}

FAILING = {
    "hangs": _candidate(f"torch.cuda._sleep(1 << 60)\nreturn {_RIGHT}"),
    "writes out of bounds": _candidate(
        "beyond[(1,)](x, 1 << 44)\nreturn x",
        "import triton\nimport triton.language as tl\n\n@triton.jit\ndef beyond(x, far):\n    tl.store(x + far, 1.0)",
    ),
    "takes all memory": _candidate("return torch.zeros(1 << 40, device='cuda')"),
    "computes on the CPU": _candidate(f"x, self = x.cpu(), self.cpu()\nreturn {_RIGHT}"),
}
ALL = {"torch": TORCH, "triton": TRITON, **WRONG, **SLOW, **FAILING}
