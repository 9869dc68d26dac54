"""An asyncio loop in a thread of its own, for callers that are threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
_CLOSE_SECONDS = 5.0


class LoopThread:
    """`run` works from any thread but the loop's own. Starts with the first call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for `work`, which is cancelled when the wait is interrupted. Raises CancelledError (of
        concurrent.futures) when the loop is closed meanwhile, or was before."""
        with self._lock:
            if self._closed:
                work.close()
                raise CancelledError
            future = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="models", daemon=True)
            self._thread.start()
        return self._loop

    def close(self, last: Callable[[], Awaitable[object]]) -> None:
        """Cancels what runs and runs `last`, which frees what lives on the loop. Nothing runs afterwards."""
        with self._lock:
            if self._closed:
                return
            self._closed, loop = True, self._started()
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_end(last), loop).result(_CLOSE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(_CLOSE_SECONDS)
        if not self._thread.is_alive():
            loop.close()


async def _end(last: Callable[[], Awaitable[object]]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=1.0)
    with suppress(Exception):  # a connection that is broken already
        await last()
