"""A new candidate: one fenced file."""

from __future__ import annotations

from operators.authors.llm.replies.base import Unusable
from operators.authors.llm.replies.fenced import blocks


def read_file(text: str) -> str:
    """The file in a reply: of several blocks the last that defines `ModelNew`. Raises Unusable."""
    found = list(blocks(text))
    files = [block for block in found if "class ModelNew" in block.text]
    if not files:
        what = "no fenced block" if not found else "no fenced block that defines `class ModelNew`"
        raise Unusable(f"There is {what} in your reply.")
    if not files[-1].closed:
        raise Unusable("The file breaks off: its fence is never closed. Write a shorter file.")
    return files[-1].text
