"""Random compositions: whatever is captured, interpreted and rewritten means what torch computes."""

import torch
import torch.nn.functional as F
from capture_cases import Function
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.authors.expert.capture import capture
from operators.authors.expert.ir.interpret import interpret
from operators.authors.expert.rewrites import options, rewrite

# Each maps (tensor, number) to a tensor of any rank from 1 to 4; the number picks axes and sizes.
STEPS = {
    "sigmoid": lambda x, n: x.sigmoid(),
    "gelu": lambda x, n: F.gelu(x),
    "scale": lambda x, n: x * (n + 0.5) - 1,
    "compare": lambda x, n: torch.where(x > 0.1 * n, x, -x),
    "sum": lambda x, n: x.sum(n % x.ndim, keepdim=True),
    "drop": lambda x, n: x.mean(n % x.ndim) if x.ndim > 1 else x,
    "max": lambda x, n: x.max(n % x.ndim, keepdim=True).values + x,
    "softmax": lambda x, n: x.softmax(n % x.ndim),
    "normalise": lambda x, n: (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + 1).sqrt(),
    "cumsum": lambda x, n: x.cumsum(n % x.ndim),
    "reversed": lambda x, n: x.flip(n % x.ndim).cumsum(n % x.ndim).flip(n % x.ndim),
    "flatten": lambda x, n: x.flatten(),
    "split": lambda x, n: x.reshape(-1, 2) if x.numel() % 2 == 0 else x,
    "transpose": lambda x, n: x.transpose(0, -1),
    "slice": lambda x, n: x.narrow(
        n % x.ndim, x.shape[n % x.ndim] // 2, x.shape[n % x.ndim] - x.shape[n % x.ndim] // 2
    ),
    "stride": lambda x, n: x[..., ::2],
    "pad": lambda x, n: F.pad(x, (n, 1)),
    "join": lambda x, n: torch.cat([x, x * 2], n % x.ndim) if x.numel() < 300 else x,
    "roll": lambda x, n: x.roll(n, -1),
    "gram": lambda x, n: x @ x.transpose(-1, -2) * 0.1 if x.ndim > 1 and x.shape[-2] < 30 else x,
    "project": lambda x, n: x @ torch.ones(x.shape[-1], n + 1),
    "diagonal": lambda x, n: torch.diag(x) @ torch.ones(len(x), n + 1) if x.ndim == 1 and len(x) < 30 else x,
    "triangle": lambda x, n: x.tril(n - 1) if x.ndim > 1 else x,
    "gather": lambda x, n: x.gather(-1, x.argmax(-1, keepdim=True)),
    "unsqueeze": lambda x, n: x.unsqueeze(n % (x.ndim + 1)) if x.ndim < 4 else x,
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 3)), min_size=2, max_size=9),
)
def test_random_compositions(shape, steps):
    def function(x):
        for name, number in steps:
            x = STEPS[name](x, number)
        return x

    torch.manual_seed(0)
    x = torch.randn(shape)
    graph = capture(Function(function), [x])
    for each in (graph, rewrite(graph, ()), rewrite(graph, options(graph))):
        (got,) = interpret(each, [x], {})
        torch.testing.assert_close(got, function(x), rtol=1e-4, atol=1e-4, equal_nan=True)
