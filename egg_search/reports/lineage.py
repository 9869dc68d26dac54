"""Where a candidate came from: its ancestors, the structure it has and the principles that made it."""

from __future__ import annotations

from egg_search.rundir import Reader
from operators.base import Draft


def lineage(reader: Reader, candidate_id: str) -> list[Draft]:
    """The drafts that led to a candidate, oldest first, its own last. Raises KeyError when there is no such one."""
    drafts = [reader.draft(candidate_id)]
    seen = {candidate_id}
    while (parent := drafts[-1].parent) is not None and parent not in seen:
        seen.add(parent)
        drafts.append(reader.draft(parent))
    return drafts[::-1]


def structure_of(drafts: list[Draft]) -> str:
    """What the author said of the draft that brought the structure in: the oldest with the youngest's signature."""
    return next(draft.change for draft in drafts if draft.signature == drafts[-1].signature)


def principles_of(drafts: list[Draft]) -> tuple[str, ...]:
    """Every principle that was followed on the way, in the order of first use."""
    return tuple(dict.fromkeys(name for draft in drafts for name in draft.principles))
