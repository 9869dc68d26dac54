"""What a campaign may still spend, asked before every call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from operators.authors.llm.models.base import OutOfBudget
from operators.authors.llm.models.settings import Limits
from operators.authors.llm.models.usage import Spending


class Budget:
    """Thread-safe. `spent` reads the record: there is no second account that could disagree with it.

    A call is allowed when the most that it may take still fits, so a budget is not overrun but by what was guessed too
    low, and by seconds, which are known afterwards.
    """

    def __init__(self, limits: Limits, spent: Callable[[], Spending]) -> None:
        self.limits = limits
        self._spent = spent
        self._settled = threading.Condition()
        self._reserved: list[Spending] = []

    @contextmanager
    def allow(self, most: Spending) -> Iterator[None]:
        """Around one call and its record. Raises OutOfBudget before it. Where calls in flight may leave enough, waits
        for them."""
        with self._settled:
            while not self._fits(most):
                self._settled.wait()
            self._reserved.append(most)
        try:
            yield
        finally:
            with self._settled:
                self._reserved.remove(most)
                self._settled.notify_all()

    def _fits(self, most: Spending) -> bool:
        wanted = self._spent() + most
        if why := exceeded(self.limits, wanted):
            raise OutOfBudget(why)
        return not exceeded(self.limits, sum(self._reserved, wanted))


def exceeded(limits: Limits, wanted: Spending) -> str | None:
    """Which limit a call would break, `wanted` being what was spent before and what the call may take; None: none."""
    if limits.calls is not None and wanted.calls > limits.calls:
        return f"the budget of {limits.calls} calls is used up"
    if limits.seconds is not None and wanted.seconds >= limits.seconds:
        return f"the budget of {limits.seconds:g} s of models' time is used up ({wanted.seconds:.0f} s)"
    if limits.tokens is not None and wanted.tokens > limits.tokens:
        return f"the budget of {limits.tokens} tokens is used up: with the next call it may be {wanted.tokens}"
    if limits.money is not None and (wanted.cost or 0.0) > limits.money:
        return f"the budget of {limits.money:g} (money) is used up: with the next call it may be {wanted.cost:.4g}"
    return None
