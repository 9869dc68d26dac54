"""Kernels in Triton."""

from gpu.corpus import honest
from gpu.tools import ROWS, SUMS, TRITON

_ALL_ROWS = "return launch_rows(self, x, torch.empty_like(x), len(x))"
_TUNED = ROWS.replace(
    "@triton.jit",
    "@triton.autotune([triton.Config({}, num_warps=each) for each in (2, 4, 8)], key=['n'])\n@triton.jit",
)
_PERSISTENT = (
    TRITON
    + """
@triton.jit
def all_rows(x, w, b, y, rows, n, eps, BLOCK: tl.constexpr):
    columns = tl.arange(0, BLOCK)
    mask = columns < n
    gain, shift = tl.load(w + columns, mask=mask, other=0.0), tl.load(b + columns, mask=mask, other=0.0)
    for row in range(tl.program_id(0), rows, tl.num_programs(0)):
        start = row.to(tl.int64) * n
        value = tl.load(x + start + columns, mask=mask, other=0.0)
        centred = tl.where(mask, value - tl.sum(value, 0) / n, 0.0)
        value = centred / tl.sqrt(tl.sum(centred * centred, 0) / n + eps) * gain + shift
        value = tl.where(mask, value, float("-inf"))
        raised = tl.exp(value - tl.max(value, 0))
        tl.store(y + start + columns, raised / tl.sum(raised, 0), mask=mask)
"""
)
_CHAIN = (
    TRITON
    + """
from triton.language.extra import libdevice

@triton.jit
def chain(x, gate, a, b, y, size, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = at < size
    value, closed = tl.load(x + at, mask=mask), tl.load(gate + at, mask=mask)
    inner = value * tl.load(a + at % n, mask=mask) + tl.load(b + at % n, mask=mask)
    tl.store(y + at, libdevice.tanh(inner) / (1 + tl.exp(-closed)) + value, mask=mask)
"""
)
_STEPS = (
    TRITON
    + """
@triton.jit
def scales(x, s, n, BLOCK: tl.constexpr):
    row, columns = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    value = tl.load(x + row * n + columns, mask=columns < n, other=0.0)
    tl.store(s + row, 1 / tl.sqrt(tl.sum(value * value, 0) / n + 1e-6))

@triton.jit
def scaled(x, s, w, y, n, BLOCK: tl.constexpr):
    row, columns = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    mask = columns < n
    value = tl.load(x + row * n + columns, mask=mask) * tl.load(s + row) * tl.load(w + columns, mask=mask)
    tl.store(y + row * n + columns, value, mask=mask)
"""
)
_PRODUCT = (
    TRITON
    + """
@triton.jit
def product(x, w, b, y, m, n, k, MODE: tl.constexpr, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    rows = tl.program_id(0) * M + tl.arange(0, M)
    columns = tl.program_id(1) * N + tl.arange(0, N)
    total = tl.zeros((M, N), dtype=tl.float32)
    for start in range(0, k, K):
        depth = start + tl.arange(0, K)
        left = tl.load(x + rows[:, None] * k + depth, mask=(rows < m)[:, None] & (depth < k), other=0.0)
        right = tl.load(w + columns * k + depth[:, None], mask=(columns < n) & (depth < k)[:, None], other=0.0)
        total += tl.dot(left, right, input_precision=MODE)
    value = total + tl.load(b + columns, mask=columns < n, other=0.0)
    value = 0.5 * value * (1 + tl.erf(value * 0.7071067811865476))
    tl.store(y + rows[:, None] * n + columns, value, mask=(rows < m)[:, None] & (columns < n))
"""
)
_MULTIPLY = """
m, k, n = *x.shape, self.linear.out_features
y = torch.empty(m, n, device=x.device)
grid = triton.cdiv(m, 64), triton.cdiv(n, 64)
product[grid](x, self.linear.weight, self.linear.bias, y, m, n, k, MODE="{mode}", M=64, N=64, K=32)
return y
"""
_DESCRIPTORS = (
    TRITON
    + """
from triton.tools.tensor_descriptor import TensorDescriptor

@triton.jit
def described(x, w, b, y, k, n, MODE: tl.constexpr, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    row, column = tl.program_id(0) * M, tl.program_id(1) * N
    total = tl.zeros((M, N), dtype=tl.float32)
    for start in range(0, k, K):
        total += tl.dot(x.load([row, start]), w.load([column, start]).T, input_precision=MODE)
    columns = column + tl.arange(0, N)
    value = total + tl.load(b + columns, mask=columns < n, other=0.0)
    y.store([row, column], 0.5 * value * (1 + tl.erf(value * 0.7071067811865476)))
"""
)

ENTRIES = [
    honest("rows", "norm_softmax", "return launch_rows(self, x, torch.empty_like(x), len(x))", ROWS),
    honest(
        "rows, tuned in the first call",
        "norm_softmax",
        "return launch_rows(self, x, torch.empty_like(x), len(x))",
        _TUNED,
    ),
    honest(
        "a persistent kernel",
        "norm_softmax",
        """
        y, n, norm = torch.empty_like(x), x.shape[-1], self.norm
        block = triton.next_power_of_2(n)
        programs = min(len(x), 4 * torch.cuda.get_device_properties(x.device).multi_processor_count)
        all_rows[(programs,)](x, norm.weight, norm.bias, y, len(x), n, norm.eps, BLOCK=block, num_warps=4)
        return y
        """,
        _PERSISTENT,
    ),
    honest(
        "a fused chain",
        "gated_chain",
        """
        y, size = torch.empty_like(x), x.numel()
        chain[(triton.cdiv(size, 512),)](x, gate, self.gain, self.shift, y, size, x.shape[-1], BLOCK=512)
        return y
        """,
        _CHAIN,
    ),
    honest(
        "sums by atomic additions",
        "weighted_loss",
        """
        y, size, block = torch.zeros((), device=x.device, dtype=torch.float64), x.numel(), 4096
        exact_sum[(triton.cdiv(size, block),)](x, target, self.weight, y, size, x.shape[-1], BLOCK=block)
        return (y / size).float()
        """,
        SUMS.replace("weighted_sum", "exact_sum")
        .replace(", share, BLOCK", ", BLOCK")
        .replace("tl.sum(value, 0) * share", "tl.sum(value.to(tl.float64), 0)"),
    ),
    honest(
        "sums of blocks, then their sum",
        "weighted_loss",
        """
        size, block = x.numel(), 4096
        parts = torch.zeros(triton.cdiv(size, block), device=x.device)
        partial_sums[(len(parts),)](x, target, self.weight, parts, size, x.shape[-1], BLOCK=block)
        return parts.sum() / size
        """,
        SUMS.replace("weighted_sum", "partial_sums")
        .replace(", share, BLOCK", ", BLOCK")
        .replace("tl.atomic_add(y, tl.sum(value, 0) * share)", "tl.store(y + tl.program_id(0), tl.sum(value, 0))"),
    ),
    honest(
        "two outputs of two kernels",
        "rms_pair",
        """
        y, s, n = torch.empty_like(x), torch.empty(len(x), 1, device=x.device), x.shape[-1]
        block = triton.next_power_of_2(n)
        scales[(len(x),)](x, s, n, BLOCK=block)
        scaled[(len(x),)](x, s, self.weight, y, n, BLOCK=block)
        return y, s
        """,
        _STEPS,
    ),
    honest("a product in float32", "linear_gelu", _MULTIPLY.format(mode="ieee"), _PRODUCT),
    honest("a product in three of TF32", "linear_gelu", _MULTIPLY.format(mode="tf32x3"), _PRODUCT),
    honest(
        "a product by tensor descriptors",
        "linear_gelu",
        """
        m, k, n = *x.shape, self.linear.out_features
        y = torch.empty(m, n, device=x.device)
        if k % 4 or n % 4:
            return Model.forward(self, x)
        blocks = (x, 32), (self.linear.weight, 32), (y, 64)
        places = [TensorDescriptor.from_tensor(each, [64, size]) for each, size in blocks]
        grid = triton.cdiv(m, 64), triton.cdiv(n, 64)
        described[grid](*places[:2], self.linear.bias, places[2], k, n, MODE="tf32x3", M=64, N=64, K=32)
        return y
        """,
        _DESCRIPTORS,
    ),
]
