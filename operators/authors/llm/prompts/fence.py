"""Quotes of texts that others wrote, in fences that these texts cannot close."""

from __future__ import annotations

import re

_MARKS = re.compile(r"`+|~+")
_CHAT_TOKEN = re.compile(r"<\|(\w{1,40})\|>")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def quote(text: str, info: str = "") -> str:
    """`text` as a fenced block, its fence longer than any inside.

    Control characters and the tokens of chat templates, by which a text could pose as somebody else's turn, are
    defused. All else stays byte by byte, so that what is quoted can be searched for.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CHAT_TOKEN.sub(r"<| \1 |>", _UNPRINTABLE.sub("", text))
    longest = max((len(marks) for marks in _MARKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info}\n{text.rstrip(chr(10))}\n{fence}"
