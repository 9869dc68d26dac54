"""What all readers of replies share."""

from __future__ import annotations

import re

from operators.base import Writing

_BEGIN, _END = re.compile("<think(?:ing)?>"), re.compile("</think(?:ing)?>")


class Unusable(Exception):
    """What is wrong with a reply, in words for the model; `kept` is what it is worth if it stays as it is."""

    def __init__(self, message: str, kept: Writing | None = None) -> None:
        super().__init__(message)
        self.kept = kept


def answer(text: str) -> str:
    """The reply without what some models think aloud before it, in lines that end with a newline alone. Templates of
    some models begin the thought themselves, so that only its end is in the reply."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    begin, ends = _BEGIN.search(text), list(_END.finditer(text))
    start = begin.start() if begin else 0 if ends else len(text)
    if ends and ends[-1].start() >= start:
        return text[:start] + text[ends[-1].end() :]
    return text[:start]
