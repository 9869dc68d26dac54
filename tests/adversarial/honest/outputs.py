"""Outputs that are views, that are kept, that are filled by others; buffers of one's own."""

from entries import entry
from honest.compiled import LOADER

ENTRIES = [
    entry("a transposed result", "running_total", "return torch.cumsum(x.t().contiguous(), 0).t()"),
    entry(
        "a slice of a larger buffer",
        "norm_softmax",
        "y = torch.empty(x.shape[0] + 3, x.shape[1] + 5)\nv = y[3:, 5:]\nv.copy_(super().forward(x))\nreturn v",
    ),
    entry(
        "every second column of a buffer",
        "norm_softmax",
        """
        y = torch.empty(x.shape[0], 2 * x.shape[1])[:, ::2]
        y.copy_(super().forward(x))
        return y
        """,
    ),
    entry(
        "far apart in a buffer",
        "norm_softmax",
        """
        y = torch.empty(x.shape[0], 16 * x.shape[1])[:, ::16]
        y.copy_(super().forward(x))
        return y
        """,
    ),
    entry(
        "a loss of one element, expanded",
        "margin_loss",
        "return super().forward(x, centers, labels).reshape(1).expand(1)[0]",
    ),
    entry(
        "an own output buffer, used again",
        "norm_softmax",
        """
        if self.out is None or self.out.shape != x.shape:
            self.out = torch.empty_like(x)
        self.out.copy_(super().forward(x))
        return self.out
        """,
        init="self.out = None",
    ),
    entry(
        "an own output buffer as a hidden buffer",
        "norm_softmax",
        """
        if self.out.shape != x.shape:
            self.out = torch.empty_like(x)
        return torch.softmax(self.norm(x), -1, out=self.out)
        """,
        init="self.register_buffer('out', torch.empty(0), persistent=False)",
    ),
    entry(
        "two output buffers in turn",
        "gated_chain",
        """
        self.turn = 1 - self.turn
        key = self.turn, x.shape
        if key not in self.outs:
            self.outs[key] = torch.empty_like(x)
        y = self.outs[key]
        return y.copy_(super().forward(x, gate))
        """,
        init="self.turn, self.outs = 0, {}",
    ),
    entry(
        "in place on its own",
        "gated_chain",
        """
        y = x * self.gain
        y += self.shift
        y.tanh_().mul_(torch.sigmoid(gate)).add_(x)
        return y
        """,
    ),
    entry(
        "in place on copies of inputs",
        "gated_chain",
        """
        gate = gate.clone().sigmoid_()
        y = x.clone().mul_(self.gain).add_(self.shift).tanh_()
        return torch.addcmul(x, y, gate, out=y)
        """,
    ),
    entry(
        "workspaces by shape",
        "linear_gelu",
        """
        work = self.works.setdefault(tuple(x.shape), torch.empty(*x.shape[:-1], self.linear.out_features))
        torch.addmm(self.linear.bias, x, self.linear.weight.t(), out=work)
        return nn.functional.gelu(work)
        """,
        init="self.works = {}",
    ),
    entry("a Parameter as output", "norm_softmax", "return nn.Parameter(super().forward(x), requires_grad=False)"),
    entry(
        "a tensor of numpy's memory",
        "norm_softmax",
        """
        y = np.empty(tuple(x.shape), dtype=np.float32)
        y[:] = super().forward(x).numpy()
        return torch.from_numpy(y)
        """,
        before="import numpy as np",
    ),
    entry(
        "a tensor of Python's memory",
        "norm_softmax",
        """
        memory = bytearray(4 * x.numel())
        y = torch.frombuffer(memory, dtype=torch.float32).view_as(x)
        return y.copy_(super().forward(x))
        """,
    ),
    entry(
        "a mapped file as output",
        "norm_softmax",
        """
        import mmap
        if self.page is None or len(self.page) < 4 * x.numel():
            self.page = mmap.mmap(-1, 4 * x.numel())
        y = torch.frombuffer(self.page, dtype=torch.float32, count=x.numel()).view_as(x)
        return y.copy_(super().forward(x))
        """,
        init="self.page = None",
    ),
    entry(
        "memory of malloc as output",
        "norm_softmax",
        """
        if self.size < x.numel():
            self.memory = (ctypes.c_float * x.numel())()
            self.size = x.numel()
        y = torch.frombuffer(self.memory, dtype=torch.float32, count=x.numel()).view_as(x)
        return y.copy_(super().forward(x))
        """,
        before="import ctypes",
        init="self.size = 0",
    ),
    entry("an index as another integer first", "nearest_code", "return super().forward(x, codes).int().long()"),
    entry(
        "an index into a transposed",
        "nearest_code",
        """
        d = torch.cdist(x, codes, p=1.0)
        return d.t().contiguous().argmin(0)
        """,
    ),
    entry("copied inputs", "attention", "return super().forward(*(each.clone().contiguous() for each in (q, k, v)))"),
    entry(
        "empty and filled by C",
        "running_total",
        """
        x = x.contiguous()
        y = torch.empty(x.shape)
        LIBRARY.total(*pointers(x, y), ctypes.c_int64(x.shape[0]), ctypes.c_int64(x.shape[1]))
        return y
        """,
        before=LOADER
        + r'''
LIBRARY = compile_and_load("""
#include <cstdint>
#include <cstdlib>
#include <cstring>
extern "C" void total(const float* x, float* y, int64_t rows, int64_t n) {
  float* row = (float*)std::malloc(n * sizeof(float));  // a workspace a call
  for (int64_t r = 0; r < rows; ++r) {
    float sum = 0, lost = 0;  // Kahan's summation
    for (int64_t i = 0; i < n; ++i) {
      const float term = x[r * n + i] - lost, next = sum + term;
      lost = __builtin_isfinite(next) ? (next - sum) - term : 0.0f;
      row[i] = sum = next;
    }
    std::memcpy(y + r * n, row, n * sizeof(float));
  }
  std::free(row);
}
""")
''',
    ),
]
