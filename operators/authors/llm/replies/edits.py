"""Search/replace blocks: what a reply changes of a file that it was shown."""

from __future__ import annotations

import re
from dataclasses import dataclass

from operators.authors.llm.prompts.fence import quote
from operators.authors.llm.replies.base import Unusable
from operators.authors.llm.replies.nearest import nearest

_SEARCH = re.compile(r"^<{5,9} ?SEARCH\s*$")
_DIVIDER = re.compile(r"^={5,9}\s*$")
_REPLACE = re.compile(r"^>{5,9} ?REPLACE\s*$")


@dataclass(frozen=True)
class Edit:
    """Whole lines, without a newline at their ends."""

    search: tuple[str, ...]
    replace: tuple[str, ...]


def read_edits(text: str) -> list[Edit]:
    """All blocks of a reply, in order; none is an empty list. Raises Unusable for one that breaks off."""
    edits, search, replace, into = [], [], [], None
    for line in text.split("\n"):
        if into is None:
            if _SEARCH.match(line):
                search, replace = [], []
                into = search
        elif into is search and _DIVIDER.match(line):
            into = replace
        elif into is replace and _REPLACE.match(line):
            edits.append(Edit(tuple(search), tuple(replace)))
            into = None
        elif _SEARCH.match(line):
            raise Unusable("A block begins inside another: each is <<<<<<< SEARCH, =======, >>>>>>> REPLACE.")
        else:
            into.append(line)
    if into is not None:
        raise Unusable("A search/replace block breaks off before its >>>>>>> REPLACE.")
    return edits


def apply_edits(source: str, edits: list[Edit]) -> str:
    """The file after all edits, one after the other. A search must be found in one place; spaces at the ends of lines
    do not matter. Raises Unusable with the nearest lines of the file where it is not found."""
    lines = source.split("\n")
    for number, edit in enumerate(edits, 1):
        start = _place(lines, edit, number)
        lines[start : start + len(edit.search)] = edit.replace
    return "\n".join(lines)


def _place(lines: list[str], edit: Edit, number: int) -> int:
    if not any(line.strip() for line in edit.search):
        raise Unusable(f"Block {number} searches for nothing: repeat the lines beside which you want to insert.")
    exact = _places(lines, edit.search)
    found = exact or _places([line.rstrip() for line in lines], [line.rstrip() for line in edit.search])
    if len(found) > 1:
        raise Unusable(f"What block {number} searches for is there {len(found)} times: add the lines around it.")
    if not found:
        shown = quote("\n".join(nearest(lines, edit.search)))
        raise Unusable(f"What block {number} searches for is not in the file. The nearest lines there are:\n{shown}")
    return found[0]


def _places(lines: list[str], search: list[str] | tuple[str, ...]) -> list[int]:
    search, size = list(search), len(search)
    return [start for start in range(len(lines) - size + 1) if lines[start : start + size] == search]
