"""A diagnoser's reading of a measurement."""

from __future__ import annotations

from dataclasses import dataclass

from operators.authors.llm.replies.base import Unusable
from operators.authors.llm.replies.data import read_object
from operators.authors.llm.replies.plans import texts

BOTTLENECKS = ("memory", "compute", "latency", "launch", "unknown")
_LINES = {"type": "array", "items": {"type": "string"}}
SCHEMA = {
    "type": "object",
    "properties": {
        "bottleneck": {"type": "string", "enum": list(BOTTLENECKS)},
        "evidence": _LINES,
        "plan": _LINES,
    },
    "required": ["bottleneck", "evidence", "plan"],
    "additionalProperties": False,
}
_SHOWN = 5


@dataclass(frozen=True)
class Diagnosis:
    """What holds a candidate up, why one thinks so, and what to do, most promising first."""

    bottleneck: str
    evidence: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()


def read_diagnosis(text: str) -> Diagnosis:
    """Raises Unusable for a reply without a bottleneck of the list."""
    data = read_object(text)
    named = str(data.get("bottleneck", "")).casefold()
    bottleneck = next((each for each in BOTTLENECKS if each in named), None)
    if bottleneck is None:
        raise Unusable(f'"bottleneck" is none of {", ".join(BOTTLENECKS)}.')
    return Diagnosis(bottleneck, texts(data.get("evidence"))[:_SHOWN], texts(data.get("plan"))[:_SHOWN])
