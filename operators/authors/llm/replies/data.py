"""JSON as models write it: in fences or in prose, with comments, trailing commas, Python's literals, or cut short."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

from egg_search.core.syntax import literal
from operators.authors.llm.replies.base import Unusable
from operators.authors.llm.replies.fenced import blocks

_STRING = r'("(?:[^"\\]|\\.)*"?)'  # or what begins as one: a text is gone through once
_COMMENT = re.compile(_STRING + r"|//[^\n]*|/\*(?:(?!/\*).)*?\*/", re.DOTALL)
_LAST_COMMA = re.compile(_STRING + r"|,(?=\s*[\]}])", re.DOTALL)
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*(?P<end>"?)|[{}\[\]]', re.DOTALL)
warnings.filterwarnings("ignore", "invalid escape sequence", module="<unknown>")  # of what `_python` reads
_PLACES = 8  # where an object may begin that are tried


def read_object(text: str) -> dict[str, Any]:
    """The first JSON object of a reply that can be read. Raises Unusable when there is none."""
    for candidate in _candidates(text):
        for reading in (_plain, _repaired, _python):
            found = reading(candidate)
            if isinstance(found, dict):
                return found
    raise Unusable("There is no JSON object in your reply that can be read.")


def _candidates(text: str) -> Iterator[str]:
    """The whole text, fenced blocks, then what goes from an opening brace to its own closing one."""
    yield text
    yield from (block.text for block in blocks(text))
    for number, match in enumerate(re.finditer(r"\{", text)):
        if number >= _PLACES:
            return
        yield _balanced(text[match.start() :])


def _balanced(text: str) -> str:
    """Up to the brace that closes the first one; what is open at the end of the text is closed."""
    expected: list[str] = []
    for token in _BRACKET.finditer(text):
        mark = token[0]
        if mark in ("{", "["):
            expected.append("}" if mark == "{" else "]")
        elif mark in ("}", "]"):
            if expected and mark == expected[-1]:
                expected.pop()
            if not expected:
                return text[: token.end()]
        elif not token["end"]:
            text += '"'
    return text.rstrip().rstrip(",:") + "".join(reversed(expected))


def _plain(text: str) -> Any:
    try:
        return json.loads(text, strict=False)  # newlines in strings are what models forget to escape
    except (ValueError, RecursionError):
        return None


def _repaired(text: str) -> Any:
    """Without comments, and without commas before a closing bracket."""
    for unwanted in (_COMMENT, _LAST_COMMA):
        text = unwanted.sub(lambda match: match[1] or "", text)
    return _plain(text)


def _python(text: str) -> Any:
    """As a literal of Python's: single quotes, None, True."""
    try:
        return literal(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None
