"""After a CUDA error a process's context is lost, and with it all that the process has on the GPU: another one must go
on."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

_EXIT_CODE = 75


def is_lost_context(error: BaseException | None) -> bool:
    """Whether `error`, or what it was raised from, is torch's error for what CUDA calls and kernels report. A lack of
    memory, which torch's allocator tells in other words, leaves the context as it is."""
    while error is not None:
        if isinstance(error, RuntimeError) and "CUDA error" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def ending_with_its_context() -> Iterator[None]:
    """Ends this process where its context is lost; Ray starts another one in its place."""
    try:
        yield
    except Exception as error:
        if not is_lost_context(error):
            raise
        traceback.print_exc()  # for the worker's log
        os._exit(_EXIT_CODE)
