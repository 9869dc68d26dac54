"""Fenced blocks of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(?P<mark>`{3,}|~{3,})(?P<info>.*)$")


@dataclass(frozen=True)
class Block:
    """`info` is what stands behind the opening fence; `closed` is False where the text ends first."""

    info: str
    text: str
    closed: bool


def blocks(text: str) -> Iterator[Block]:
    """All fenced blocks, in order. A block ends at a fence of its own kind that is as long or longer."""
    mark, info, lines = "", "", []
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if not mark:
            if match and not (match["mark"][0] == "`" and "`" in match["info"]):
                mark, info, lines = match["mark"], match["info"].strip(), []
        elif match and match["mark"].startswith(mark) and not match["info"].strip():
            yield Block(info, _joined(lines), True)
            mark = ""
        else:
            lines.append(line)
    if mark:
        yield Block(info, _joined(lines), False)


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
