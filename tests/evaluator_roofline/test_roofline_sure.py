"""The rule for what is surely read, against what random programs do: each element of it must show in the results."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from evaluator.roofline.work import least_work

N = 4
MASK = torch.tril(torch.ones(N, N, dtype=torch.float64))
UNARY = {
    "exp": torch.exp,
    "relu": torch.relu,
    "abs": torch.abs,
    "square": lambda a: a * a,
    "double": lambda a: a * 2.0,
    "nothing": lambda a: a * 0,
    "shift": lambda a: a + 1,
    "mask": lambda a: a * MASK,
    "triangle": torch.triu,
    "sum rows": lambda a: a.sum(1, keepdim=True).expand(N, N),
    "mean columns": lambda a: a.mean(0, keepdim=True).expand(N, N),
    "sum all": lambda a: a.sum().expand(N, N),
    "max": lambda a: a.amax(1, keepdim=True).expand(N, N),
    "cumsum": lambda a: a.cumsum(1),
    "softmax": lambda a: torch.softmax(a, 1),
    "centre": lambda a: a - a.mean(1, keepdim=True),
    "norm": lambda a: nn.functional.layer_norm(a, (N,)),
    "transpose": torch.t,
    "flip": lambda a: a.flip(0),
    "copy": torch.clone,
    "first row": lambda a: a[:1].expand(N, N),
    "half": lambda a: torch.cat([a[:2], a[:2]]),
    "in place": lambda a: a.clone().add_(1.0),
    "part in place": lambda a: _cleared(a.clone()),
    "pool": lambda a: nn.functional.avg_pool2d(a[None, None], 2)[0, 0].repeat(2, 2),
    "strided pool": lambda a: nn.functional.max_pool2d(a[None, None], 1, 2)[0, 0].repeat(2, 2),
}
BINARY = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "matmul": torch.matmul,
    "first": lambda a, b: a,
    "maximum": torch.maximum,
    "choice": lambda a, b: torch.where(MASK > 0, a, b),
    "upper halves": lambda a, b: torch.cat([a[:2], b[:2]]),
}


def _cleared(a):
    a[1].zero_()
    return a


class Program(nn.Module):
    """Each step makes one value of earlier ones: (name, operands). The last one, or two, are returned."""

    def __init__(self, steps, outputs):
        super().__init__()
        self.steps, self.outputs = steps, outputs
        self.weight = nn.Parameter(torch.randn(N, N, dtype=torch.float64))

    def forward(self, x, y):
        values = [x, y, self.weight]
        for name, first, second in self.steps:
            a, b = values[first % len(values)], values[second % len(values)]
            values.append(UNARY[name](a) if name in UNARY else BINARY[name](a, b))
        return values[-self.outputs :]


steps = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=7
)


@settings(max_examples=100)
@given(steps, st.integers(1, 2), st.integers(0, 1 << 16))
def test_every_element_of_what_is_surely_read_has_an_influence(chosen, outputs, seed):
    torch.manual_seed(seed)
    program = Program(chosen, outputs).requires_grad_(False)
    x, y = torch.randn(2, N, N, dtype=torch.float64)
    found = least_work(program, [x, y])
    assert found is not None
    assume(found.sure_bytes and not _is_degenerate(program))
    count = found.sure_bytes // (8 * N * N)
    influences = [_all_show(program, [x, y], position) for position in range(2)]
    assert sum(influences) >= count


def _is_degenerate(program) -> bool:
    """As the evaluator finds out: an output that is the same for other inputs."""
    first, second = (program(*torch.randn(2, N, N, dtype=torch.float64)) for _ in range(2))
    return any(torch.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(first, second, strict=True))


def _all_show(program, arguments, position) -> bool:
    return all(_shows(program, arguments, position, element) for element in range(N * N))


def _shows(program, arguments, position, element) -> bool:
    """With these or other arguments beside it: what is read must not depend on values."""
    for value in (3.0, -0.3, 30.0, -30.0, 0.1):
        changed = [each.clone() for each in arguments]
        changed[position].view(-1)[element] = value
        if not all(torch.equal(a, b) for a, b in zip(program(*arguments), program(*changed), strict=True)):
            return True
        arguments = list(torch.randn(2, N, N, dtype=torch.float64))
    return False


@pytest.mark.parametrize("name", UNARY)
def test_the_grammar_runs(name):
    assert least_work(Program([(name, 0, 0)], 1), list(torch.randn(2, N, N, dtype=torch.float64))) is not None
