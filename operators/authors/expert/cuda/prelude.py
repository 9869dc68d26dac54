"""The functions that generated kernels share: a candidate carries the paragraphs of `preludes/kernels.h` it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources

from operators.authors.expert.cuda.text import helpers

_DEFINED = re.compile(r"(?:struct|#define|inline [^(\n]*?)\s(?:alignas\(.*\) )?(k_\w+)")


def paragraphs(names: Iterable[str]) -> str:
    """The definitions of `names` and of what they use, in the prelude's order."""
    needed, stack = set(), list(names)
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack += [other for text in _defining(name) for other in helpers(text)]
    kept = [text for text in _every() if needed & set(_DEFINED.findall(text))]
    return "\n\n".join(kept)


def every_name() -> tuple[str, ...]:
    """All that the prelude defines."""
    return tuple(dict.fromkeys(name for text in _every() for name in _DEFINED.findall(text)))


def _defining(name: str) -> list[str]:
    return [text for text in _every() if name in _DEFINED.findall(text)]


@cache
def _every() -> tuple[str, ...]:
    text = (resources.files("operators.authors.expert.cuda") / "preludes" / "kernels.h").read_text()
    return tuple(text.strip().split("\n\n"))[1:]
