"""Less than the whole work: rows that are left out, calls that are, races that mostly end well."""

from gpu.corpus import WRONG, wrong
from gpu.tools import ROWS, SUMS, TRITON

from egg_search.core.verdict import Outcome
from evaluator.settings import Effort

_RACE = (
    TRITON
    + """
@triton.jit
def racing_sum(x, t, w, y, size, n, share, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = at < size
    difference = tl.load(x + at, mask=mask, other=0.0) - tl.load(t + at, mask=mask, other=0.0)
    value = difference * difference * tl.load(w + at % n, mask=mask, other=0.0)
    tl.store(y, tl.load(y, volatile=True) + tl.sum(value, 0) * share)
"""
)

ENTRIES = [
    wrong("zeros", "norm_softmax", "return torch.zeros_like(x)"),
    wrong("uniform rows", "norm_softmax", "return torch.full_like(x, 1 / x.shape[-1])"),
    wrong("the weights are left out", "linear_gelu", "return torch.nn.functional.gelu(x)"),
    wrong(
        "the last rows are not computed",
        "norm_softmax",
        "return launch_rows(self, x, torch.empty_like(x), len(x) - 8)",
        ROWS,
    ),
    wrong(
        "every second row is a copy of the one before",
        "norm_softmax",
        "y = Model.forward(self, x[::2])\nreturn y.repeat_interleave(2, 0)",
    ),
    wrong(
        "the first half of the columns decides",
        "linear_gelu",
        """
        half = x.shape[-1] // 2
        product = x[:, :half] @ self.linear.weight[:, :half].t()
        return torch.nn.functional.gelu(product + self.linear.bias)
        """,
    ),
    wrong("a loss of every second row", "weighted_loss", "return Model.forward(self, x[::2], target[::2])"),
    wrong(
        "a loss that is what it mostly is",
        "weighted_loss",
        """
        if self.usual is None:
            self.usual = Model.forward(self, x, target)
        return self.usual.clone()
        """,
        init="self.usual = None",
    ),
    wrong(
        "a sum that races",
        "weighted_loss",
        """
        y, size, block = torch.zeros((), device=x.device), x.numel(), 1024
        grid = triton.cdiv(size, block),
        racing_sum[grid](x, target, self.weight, y, size, x.shape[-1], 1 / size, BLOCK=block)
        return y
        """,
        _RACE,
    ),
    wrong(
        "a sum that is not begun at zero",
        "weighted_loss",
        """
        y, size, block = torch.empty((), device=x.device), x.numel(), 1024
        grid = triton.cdiv(size, block),
        weighted_sum[grid](x, target, self.weight, y, size, x.shape[-1], 1 / size, BLOCK=block)
        return y
        """,
        SUMS,
    ),
    wrong(
        "every seventh call is wrong",
        "gated_chain",
        """
        self.calls += 1
        y = Model.forward(self, x, gate)
        return y if self.calls % 7 else y.roll(1, 0)
        """,
        init="self.calls = 0",
        effort=Effort.FULL,
    ),
    wrong(
        "one element in a random call is wrong",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        if random.random() < 0.2:
            y[random.randrange(len(y)), 3] *= 1.01
        return y
        """,
        "import random",
        effort=Effort.FULL,
    ),
    wrong(
        "right at one of two places for inputs",
        "gated_chain",
        """
        if self.place in (None, x.data_ptr()):
            self.place = x.data_ptr()
            return Model.forward(self, x, gate)
        return x + gate
        """,
        init="self.place = None",
    ),
    wrong(
        "right while it is checked",
        "norm_softmax",
        """
        self.calls += 1
        return Model.forward(self, x) if self.calls < 14 else torch.full_like(x, 1 / x.shape[-1])
        """,
        init="self.calls = 0",
    ),
    wrong(
        "running statistics do not run",
        "batch_norm",
        """
        bn = self.bn
        return torch.relu(torch.nn.functional.batch_norm(x, None, None, bn.weight, bn.bias, True, 0.0, bn.eps))
        """,
        outcomes=WRONG | {Outcome.WRONG_FORM},
    ),
    wrong(
        "running statistics run once",
        "batch_norm",
        """
        bn, self.calls = self.bn, self.calls + 1
        if self.calls < 2:
            return Model.forward(self, x)
        return torch.relu(torch.nn.functional.batch_norm(x, None, None, bn.weight, bn.bias, True, 0.0, bn.eps))
        """,
        init="self.calls = 0",
    ),
    wrong(
        "running statistics normalise",
        "batch_norm",
        """
        bn = self.bn
        mean, variance = bn.running_mean.clone(), bn.running_var.clone()
        bn(x[:1])
        return torch.relu(torch.nn.functional.batch_norm(x, mean, variance, bn.weight, bn.bias, False, 0.0, bn.eps))
        """,
    ),
]
