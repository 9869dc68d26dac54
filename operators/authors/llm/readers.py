"""From a reply to a writing that keeps the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from operators.authors.llm.helpers import completed
from operators.authors.llm.replies.base import Unusable
from operators.authors.llm.replies.edits import apply_edits, read_edits
from operators.authors.llm.replies.file import read_file
from operators.authors.llm.replies.note import read_change, read_principles
from operators.authors.llm.rules import checked
from operators.authors.llm.workpiece import workpiece
from operators.base import Brief, Writing

Read = Callable[[str], Writing]


def written(brief: Brief, otherwise: str, principles: Sequence[str], author: str) -> Read:
    """Reads a whole file. `otherwise` tells of the change where the reply does not. What it reads raises Unusable."""

    def read(text: str) -> Writing:
        return _writing(read_file(text), text, brief, otherwise, principles, author)

    return read


def edited(brief: Brief, otherwise: str, principles: Sequence[str], author: str) -> Read:
    """Reads search/replace blocks against the brief's parent; a whole file will do, too."""

    def read(text: str) -> Writing:
        base = workpiece(brief).source
        edits = read_edits(text)
        if not edits and "class ModelNew" not in text:
            raise Unusable("There is no search/replace block in your reply.")
        source = apply_edits(base, edits) if edits else read_file(text)
        if source == base:
            raise Unusable("Your reply changes nothing.")
        return _writing(source, text, brief, otherwise, principles, author)

    return read


def _writing(source: str, text: str, brief: Brief, otherwise: str, principles: Sequence[str], author: str) -> Writing:
    whole = completed(source, brief.problem.effective_source, brief.dialect)
    writing = Writing(whole, read_change(text, otherwise), read_principles(text, principles))
    return checked(writing, brief, author)
