"""The share of a forward's time that it spends inside torch's own operators."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from torch.overrides import TorchFunctionMode


def operator_share(
    forward: Callable[..., Any],
    arguments: list[Any],
    mark: Callable[[], Any],
    seconds: Callable[[Any, Any], float],
) -> float:
    """0 to 1. `mark` makes a mark of the moment, `seconds` tells what passed between two: once the forward is over, so
    that marks may be events of a device."""
    with _Outermost(mark) as seen:
        forward(*arguments)
    spans = [seconds(*moments) for moments in pairwise([*seen.moments, mark()])]
    return sum(spans[1::2]) / (sum(spans) or 1.0)


class _Outermost(TorchFunctionMode):
    """Marks where it begins, and before and after each call of one of torch's functions or methods.

    (A dispatch mode would see the operators below them, but its first use imports the compiler: a second.)
    """

    def __init__(self, mark: Callable[[], Any]) -> None:
        super().__init__()
        self._mark = mark
        self.moments = [mark()]

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.moments.append(self._mark())
        try:
            return func(*args, **(kwargs or {}))
        finally:  # a candidate may catch what it raises
            self.moments.append(self._mark())
