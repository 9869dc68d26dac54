"""What all readers of replies share."""

from __future__ import annotations

import re

from operators.base import Writing

_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_OPEN_THOUGHT = re.compile(r"<think(?:ing)?>.*\Z", re.DOTALL)


class Unusable(Exception):
    """What is wrong with a reply, in words for the model; `kept` is what it is worth if it stays as it is."""

    def __init__(self, message: str, kept: Writing | None = None) -> None:
        super().__init__(message)
        self.kept = kept


def answer(text: str) -> str:
    """The reply without what some models think aloud before it, in lines that end with a newline alone."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _OPEN_THOUGHT.sub("", _THOUGHT.sub("", text))
