"""Seconds that a forward spends inside torch's own operators."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from torch.overrides import TorchFunctionMode


class OperatorClock(TorchFunctionMode):
    """Sums the wall time of the outermost calls of torch's functions and methods while it is active.

    (A dispatch mode would see the operators below them, but its first use imports the compiler: a second.)
    """

    def __init__(self, wait: Callable[[], None]) -> None:
        """`wait` returns when what was called is computed."""
        super().__init__()
        self._wait = wait
        self.seconds = 0.0

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = time.perf_counter()
        result = func(*args, **(kwargs or {}))
        self._wait()
        self.seconds += time.perf_counter() - before
        return result
