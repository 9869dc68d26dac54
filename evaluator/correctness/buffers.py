"""What the calls of a model do to its buffers, one after another, as eager shows on inputs for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import torch

from egg_search.core.errors import UserError
from evaluator.protocol.memory import same_bytes

Buffers = dict[str, torch.Tensor]
Step = Callable[[Buffers], Buffers]  # the buffers after one call of eager that finds these; other inputs each time
_CALLS = 5


def moving(first: Buffers, step: Step) -> list[str]:
    """Floating-point buffers that have another value after each of several calls: no call leaves them alone."""
    history = [first]
    for _ in range(_CALLS):
        history.append(step(history[-1]))
    pairs = list(combinations(history, 2))
    floating = [name for name, value in first.items() if value.is_floating_point()]
    return [name for name in floating if not any(same_bytes(one[name], other[name]) for one, other in pairs)]


def counts(first: Buffers, step: Step, forwards: int) -> Buffers:
    """What integer buffers hold after so many calls, those that every call raises by the same number. The last of the
    calls is made, which shows what is no counter, e.g. an index that wraps round."""
    once = step(first)
    steps = {name: once[name] - value for name, value in first.items() if not _is_rounded(value.dtype)}
    expected = {name: first[name] + forwards * each for name, each in steps.items() if each.any()}
    before = {name: expected[name] - steps[name] if name in expected else once[name] for name in first}
    try:
        after = step(before) if expected else {}
    except UserError:  # a value that the Model does not get to
        return {}
    return {name: value for name, value in expected.items() if torch.equal(after[name], value)}


def _is_rounded(dtype: torch.dtype) -> bool:
    return dtype.is_floating_point or dtype.is_complex or dtype is torch.bool
