"""Python sources as trees, also in several threads."""

from __future__ import annotations

import ast
import sys
import threading
from contextlib import nullcontext
from typing import Any

# Before 3.12 threads that make trees at the same time can fail with "AST constructor recursion depth mismatch", where
# the garbage collector runs Python code in between (CPython issue 106905).
_ALONE = threading.Lock() if sys.version_info < (3, 12) else nullcontext()


def parse(source: str, mode: str = "exec") -> ast.AST:
    """As `ast.parse`, with its errors."""
    with _ALONE:
        return ast.parse(source, mode=mode)


def literal(text: str) -> Any:
    """As `ast.literal_eval` of a text, with its errors."""
    return ast.literal_eval(parse(text.lstrip(" \t"), mode="eval"))
