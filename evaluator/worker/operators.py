"""Seconds that a forward spends inside torch's own operators."""

from __future__ import annotations

import time
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class OperatorClock(TorchDispatchMode):
    """Sums the wall time of every operator that reaches the dispatcher while it is active, not the mode's own."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = time.perf_counter()
        result = func(*args, **(kwargs or {}))
        self.seconds += time.perf_counter() - before
        return result
