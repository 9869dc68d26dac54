"""Other orders, other formulas, other precisions inside: honest roundings."""

from entries import entry
from honest.compiled import LOADER

_FUSED = (
    LOADER
    + r'''
LIBRARY = compile_and_load("""
#include <cmath>
#include <cstdint>
extern "C" void k(const float* x, const float* w, const float* b, float* y, int64_t rows, int64_t n) {
#pragma omp parallel for schedule(dynamic, 4)
  for (int64_t r = 0; r < rows; ++r) {
    const float* p = x + r * n; float* q = y + r * n;
    float sum[8] = {}, square[8] = {}, mean = 0, variance = 0, top = -INFINITY; double total = 0;
    for (int64_t i = 0; i < n; ++i) sum[i % 8] += p[i];  // blocked
    for (float each : sum) mean += each;
    mean /= n;
    for (int64_t i = 0; i < n; ++i) square[i % 8] = std::fma(p[i] - mean, p[i] - mean, square[i % 8]);
    for (float each : square) variance += each;
    const float scale = 1.0f / std::sqrt(variance / n + 1e-5f);
    for (int64_t i = 0; i < n; ++i) {
      q[i] = std::fma((p[i] - mean) * scale, w[i], b[i]);
      top = std::isnan(q[i]) || q[i] > top ? q[i] : top;
    }
    for (int64_t i = 0; i < n; ++i) total += q[i] = std::exp(q[i] - top);
    for (int64_t i = 0; i < n; ++i) q[i] /= total;
  }
}
""", ["-O3", "-march=native", "-shared", "-fPIC", "-fopenmp"])
'''
)
_WELFORD = """
mean, variance = x.double().mean(-1, keepdim=True), x.double().var(-1, unbiased=False, keepdim=True)
y = ((x - mean) * torch.rsqrt(variance + self.norm.eps)).float() * self.norm.weight + self.norm.bias
"""

ENTRIES = [
    entry(
        "one fused kernel, blocked sums, FMA",
        "norm_softmax",
        """
        x = x.contiguous()
        y = torch.empty_like(x)
        sizes = map(ctypes.c_int64, (x.numel() // x.shape[-1], x.shape[-1]))
        LIBRARY.k(*pointers(x, self.norm.weight, self.norm.bias, y), *sizes)
        return y
        """,
        before=_FUSED,
    ),
    entry(
        "float64 inside",
        "norm_softmax",
        """
        weight, bias = self.norm.weight.double(), self.norm.bias.double()
        y = nn.functional.layer_norm(x.double(), x.shape[-1:], weight, bias, self.norm.eps)
        return torch.softmax(y, -1).float()
        """,
    ),
    entry(
        "exp, sum, divide",
        "norm_softmax",
        _WELFORD + "e = torch.exp(y - y.amax(-1, keepdim=True))\nreturn e / e.sum(-1, keepdim=True)",
    ),
    entry(
        "log_softmax and exp in float64",
        "norm_softmax",
        _WELFORD + "return torch.log_softmax(y.double(), -1).exp().float()",
    ),
    entry(
        "sigmoid by tanh",
        "gated_chain",
        """
        half = 0.5 * torch.tanh(0.5 * gate.double()) + 0.5
        return torch.tanh(torch.addcmul(self.shift, x, self.gain)) * half.float() + x
        """,
    ),
    entry(
        "sigmoid by exp", "gated_chain", "return torch.tanh(x * self.gain + self.shift) / (1 + torch.exp(-gate)) + x"
    ),
    entry(
        "GELU by erf in float64",
        "linear_gelu",
        """
        y = torch.addmm(self.linear.bias, x, self.linear.weight.t()).double()
        return (0.5 * y * (1 + torch.erf(y * 0.5 ** 0.5))).float()
        """,
    ),
    entry(
        "a product in blocks of the inner dimension",
        "linear_gelu",
        """
        step = max(1, x.shape[-1] // 4)
        y = self.linear.bias.expand(x.shape[0], -1)
        for start in range(0, x.shape[-1], step):
            y = y + x[:, start:start + step] @ self.linear.weight[:, start:start + step].t()
        return nn.functional.gelu(y)
        """,
    ),
    entry(
        "a product through numpy",
        "linear_gelu",
        """
        y = np.matmul(x.numpy(), self.linear.weight.detach().numpy().T)
        return nn.functional.gelu(torch.from_numpy(y) + self.linear.bias)
        """,
        before="import numpy as np",
    ),
    entry("a loss in float64", "margin_loss", "return super().forward(x.double(), centers.double(), labels).float()"),
    entry(
        "a loss by logsumexp",
        "margin_loss",
        """
        x, centers = nn.functional.normalize(x, dim=1), nn.functional.normalize(centers, dim=1)
        logits = self.scale * (x @ centers.t())
        return (torch.logsumexp(logits, 1) - logits.gather(1, labels[:, None])[:, 0]).mean()
        """,
    ),
    entry(
        "a total in blocks",
        "running_total",
        """
        carry, parts = torch.zeros(x.shape[0], 1, dtype=torch.float64), []
        for part in x.double().split(512, 1):
            parts.append(torch.cumsum(part, 1) + carry)
            carry = parts[-1][:, -1:]
        return torch.cat(parts, 1).float()
        """,
    ),
    entry(
        "online softmax of attention",
        "attention",
        """
        length, best = q.shape[-2], torch.full((*q.shape[:-1], 1), float("-inf"))
        total, sums = torch.zeros_like(best), torch.zeros_like(q)
        rows = torch.arange(length)[:, None]
        for start in range(0, length, 64):
            part = slice(start, start + 64)
            scores = q @ k[..., part, :].transpose(-1, -2) / q.shape[-1] ** 0.5
            scores = scores.masked_fill(torch.arange(length)[None, part] > rows, float("-inf"))
            new = torch.maximum(best, scores.amax(-1, keepdim=True))
            factor, weights = torch.exp(best - new), torch.exp(scores - new)
            total = total * factor + weights.sum(-1, keepdim=True)
            sums, best = sums * factor + weights @ v[..., part, :], new
        return self.project((sums / total).transpose(1, 2).flatten(2))
        """,
    ),
    entry(
        "a convolution by unfolding",
        "conv_block",
        """
        columns = nn.functional.unfold(x, 3, padding=1)
        y = self.conv.weight.flatten(1) @ columns + self.conv.bias[:, None]
        return torch.relu(self.bn(y.unflatten(-1, x.shape[-2:])))
        """,
    ),
    entry("channels last", "conv_block", "return super().forward(x.to(memory_format=torch.channels_last))"),
    entry(
        "jitter like that of atomics",
        "running_total",
        """
        y = super().forward(x)
        return torch.where(torch.rand(y.shape) < 0.5, y, y * (1 + 2**-23))
        """,
        flags="nondeterministic",
    ),
    entry(
        "distances in another order",
        "nearest_code",
        "return torch.stack([(x - each).abs().sum(-1) for each in codes], 1).argmin(1)",
    ),
    entry(
        "reads a symmetric matrix by its columns",
        "symmetric_product",
        "a = a.tril() + a.tril(-1).t()\nreturn (b @ a).t()",
    ),
    entry(
        "memory of its own in another order",
        "turned",
        "return torch.empty_like(x).copy_(x).transpose(1, 2)",
        flags="^(?!.*layout: )",
    ),
]
