"""Functions of the generated kernels. A candidate carries the ones that it calls; this module is never imported there.

float32 results are within a few ulp over the whole range, with torch's infinities and NaN. They use nothing that
Triton's interpreter lacks (no libdevice, no inline assembly).
"""

import triton
import triton.language as tl


@triton.jit
def k_max(a, b):
    # NaN wins, as in torch.
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def k_min(a, b):
    return tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def k_product(a, b):
    return a * b


@triton.jit
def k_argmax(a, i, b, j):
    # The first position of the largest element; NaN counts as larger than any number.
    better = (b > a) | ((b != b) & (a == a))
    same = (b == a) | ((b != b) & (a != a))
    take = better | (same & (j < i))
    return tl.where(take, b, a), tl.where(take, j, i)


@triton.jit
def k_argmin(a, i, b, j):
    better = (b < a) | ((b != b) & (a == a))
    same = (b == a) | ((b != b) & (a != a))
    take = better | (same & (j < i))
    return tl.where(take, b, a), tl.where(take, j, i)


@triton.jit
def k_exp(x):
    # 2^(x log2(e)) by the hardware's exp2. What rounding the product lost is put back: it matters for large |x|.
    power = x * 1.4426950216293335
    lost = tl.fma(x, 1.4426950216293335, -power) + x * 1.9259629911266175e-08
    y = tl.exp2(power)
    return tl.where(tl.abs(power) < 126.0, tl.fma(y, lost * 0.6931471805599453, y), y)


@triton.jit
def k_expm1(x):
    # A polynomial where exp(x) - 1 cancels.
    q = tl.fma(x, 1.98840107e-4, 1.39304810e-3)
    q = tl.fma(q, x, 8.33336823e-3)
    q = tl.fma(q, x, 4.16664928e-2)
    q = tl.fma(q, x, 1.66666657e-1)
    q = tl.fma(q, x, 5.00000000e-1)
    near = tl.fma(q * x, x, x)
    return tl.where(tl.abs(x) < 0.34, near, k_exp(x) - 1.0)


@triton.jit
def k_log1p(x):
    # log(1 + x), with the rounding of 1 + x put back.
    u = 1.0 + x
    lost = tl.div_rn(x - (u - 1.0), u)
    y = tl.log(u) + tl.where(lost < 1.0, lost, 0.0)
    return tl.where(u == 1.0, x, y)


@triton.jit
def k_sigmoid(x):
    return tl.div_rn(1.0, 1.0 + k_exp(-x))


@triton.jit
def k_tanh(x):
    # Near zero x + x^3 q(x^2); elsewhere by exp.
    m = tl.abs(x)
    s = m * m
    q = tl.fma(s, -5.70404250e-3, 2.06378624e-2)
    q = tl.fma(q, s, -5.37391566e-2)
    q = tl.fma(q, s, 1.33314312e-1)
    q = tl.fma(q, s, -3.33332807e-1)
    near = tl.fma(q * s, m, m)
    far = 1.0 - tl.div_rn(2.0, k_exp(2.0 * m) + 1.0)
    y = tl.where(m < 0.6, near, far)
    return tl.where(x < 0.0, -y, y)


@triton.jit
def k_tan(x):
    return tl.div_rn(tl.sin(x), tl.cos(x))


@triton.jit
def k_sinh(x):
    a = tl.abs(x)
    t = k_expm1(a)
    h = k_exp(0.5 * a)
    y = tl.where(a > 44.0, 0.5 * h * h, 0.5 * (t + tl.div_rn(t, t + 1.0)))
    return tl.where(x < 0.0, -y, y)


@triton.jit
def k_cosh(x):
    a = tl.abs(x)
    e = k_exp(a)
    h = k_exp(0.5 * a)
    return tl.where(a > 44.0, 0.5 * h * h, 0.5 * (e + tl.div_rn(1.0, e)))


@triton.jit
def k_asinh(x):
    a = tl.abs(x)
    s = a * a
    y = tl.where(a < 1e9, k_log1p(a + tl.div_rn(s, 1.0 + tl.sqrt_rn(s + 1.0))), tl.log(a) + 0.6931471805599453)
    return tl.where(x < 0.0, -y, y)


@triton.jit
def k_acosh(x):
    t = x - 1.0
    return tl.where(x < 1e9, k_log1p(t + tl.sqrt_rn(2.0 * t + t * t)), tl.log(x) + 0.6931471805599453)


@triton.jit
def k_atanh(x):
    return 0.5 * k_log1p(tl.div_rn(2.0 * x, 1.0 - x))


@triton.jit
def k_erfc(x):
    return (1.0 - tl.erf(x.to(tl.float64))).to(tl.float32)


@triton.jit
def k_pow(a, b):
    # In double: the logarithm's rounding would be magnified by b * log(a).
    b = b + tl.zeros_like(a)
    x = tl.abs(a).to(tl.float64)
    y = tl.exp(b.to(tl.float64) * tl.log(x)).to(tl.float32)
    whole = b == tl.floor(b)
    odd = whole & (tl.abs(b) < 16777216.0) & (0.5 * b != tl.floor(0.5 * b))
    y = tl.where((a < 0.0) & odd, -y, y)
    y = tl.where((a < 0.0) & (whole == 0) & (tl.abs(a) < float("inf")), float("nan"), y)
    return tl.where((b == 0.0) | (a == 1.0), 1.0, y)


@triton.jit
def k_sign(x):
    return tl.where(x > 0.0, 1.0, tl.where(x < 0.0, -1.0, 0.0)).to(x.dtype)


@triton.jit
def k_trunc(x):
    return tl.where(x < 0.0, tl.ceil(x), tl.floor(x))


@triton.jit
def k_round(x):
    # Half to even. Without a fraction when large.
    down = tl.floor(x)
    rest = x - down
    odd = 0.5 * down != tl.floor(0.5 * down)
    return tl.where((rest > 0.5) | ((rest == 0.5) & odd), down + 1.0, down)


@triton.jit
def k_fmod(a, b):
    # In double the quotient of two float32 is exact enough to take the remainder from.
    b = b + tl.zeros_like(a)
    x = a.to(tl.float64)
    y = b.to(tl.float64)
    q = x / y
    q = tl.where(q < 0.0, tl.ceil(q), tl.floor(q))
    r = (x - q * y).to(a.dtype)
    return tl.where((tl.abs(b) == float("inf")) & (tl.abs(a) < float("inf")), a, r)


@triton.jit
def k_mod(a, b):
    b = b + tl.zeros_like(a)
    r = k_fmod(a, b)
    return tl.where((r != 0.0) & ((r < 0.0) != (b < 0.0)), r + b, r)


@triton.jit
def k_floor_div(a, b):
    b = b + tl.zeros_like(a)
    r = k_fmod(a, b)
    q = (a - r) / b
    q = tl.where((r != 0.0) & ((r < 0.0) != (b < 0.0)), q - 1.0, q)
    f = tl.floor(q)
    f = tl.where(q - f > 0.5, f + 1.0, f)
    return tl.where(b == 0.0, a / b, f)


@triton.jit
def k_mod_int(a, b):
    b = b + tl.zeros_like(a)
    r = a % b
    return tl.where((r != 0) & ((r < 0) != (b < 0)), r + b, r)


@triton.jit
def k_floor_div_int(a, b):
    b = b + tl.zeros_like(a)
    q = a // b
    r = a - q * b
    return tl.where((r != 0) & ((r < 0) != (b < 0)), q - 1, q)


@triton.jit
def k_online(top, total, x):
    # One more element for a maximum and a sum of exponentials relative to it; one of the two exponentials is 1.
    scale = k_exp(tl.where(x == top, 0.0, -tl.abs(x - top)))
    total = tl.where(x > top, total * scale + 1.0, total + scale)
    return k_max(top, x), total


@triton.jit
def k_rescale(before, after):
    # exp(before - after), where equal infinities differ by nothing.
    return k_exp(tl.where(before == after, 0.0, before - after))
