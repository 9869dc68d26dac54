"""Work that several threads want at once is done once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Work by key, while it is under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[T]] = {}

    def share(self, key: str, work: Callable[[], T]) -> tuple[T, bool]:
        """The result of `work`, and whether this thread did it. Raises what it raised, in every thread."""
        with self._lock:
            flight = self._under_way.get(key)
            ours = flight is None
            if flight is None:
                flight = self._under_way[key] = Future()
        if not ours:
            return flight.result(), False
        try:
            result = work()
        except BaseException as error:
            self._land(key)
            flight.set_exception(error)
            raise
        self._land(key)
        flight.set_result(result)
        return result, True

    def _land(self, key: str) -> None:
        with self._lock:
            del self._under_way[key]
