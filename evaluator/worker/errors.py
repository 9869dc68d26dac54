"""An exception as a bounded text: data for the verdict's reason."""

from __future__ import annotations

import subprocess
import traceback

import torch

from evaluator.protocol.records import TEXT_BYTES


def explain(error: BaseException) -> str:
    """Type and message, with the candidate's line where there is one, and a compiler's messages where it failed."""
    try:
        message = str(error)
        if isinstance(error, subprocess.CalledProcessError) and error.stderr:
            text = error.stderr if isinstance(error.stderr, str) else error.stderr.decode(errors="replace")
            message += "\n" + text
        return f"{type(error).__name__}{_line(error)}: {message}"[:TEXT_BYTES]
    except BaseException:  # a hostile __str__
        return f"{type(error).__name__} without a readable message"


def _line(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename.startswith("<egg_candidate")]
    return f" (line {lines[-1]})" if lines else ""


def is_memory_error(error: BaseException) -> bool:
    """torch reports a failed allocation on the CPU as a RuntimeError."""
    try:
        if isinstance(error, torch.cuda.OutOfMemoryError):
            return True
        return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    except BaseException:
        return False
