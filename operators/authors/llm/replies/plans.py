"""An architect's plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operators.authors.llm.replies.base import Unusable
from operators.authors.llm.replies.data import read_object
from operators.authors.llm.replies.note import one_line

_TEXT, _LINES = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
_PLAN = {
    "paradigm": _TEXT,
    "idea": _TEXT,
    "kernels": _LINES,
    "differs": _TEXT,
    "reach_ms": {"type": "number"},
    "reach_why": _TEXT,
    "knobs": _LINES,
    "principles": _LINES,
}
_MOST_LINES, _CHARACTERS = 12, 600


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


SCHEMA = _closed({"plans": {"type": "array", "items": _closed(_PLAN)}})


@dataclass(frozen=True)
class Plan:
    """An algorithm for the whole problem. `kernels` say in launch order what each computes and over what it is
    parallel; `reach_ms` is what it should come to, in milliseconds of a call (None: not said)."""

    paradigm: str
    idea: str
    kernels: tuple[str, ...] = ()
    differs: str = ""
    reach_ms: float | None = None
    reach_why: str = ""
    knobs: tuple[str, ...] = ()
    principles: tuple[str, ...] = ()


def read_plans(text: str) -> list[Plan]:
    """In the architect's order, each paradigm once. Raises Unusable when there is no plan with paradigm and idea."""
    data = read_object(text)
    listed = data.get("plans", [data] if "paradigm" in data else None)
    if not isinstance(listed, list):
        raise Unusable('The JSON object has no list "plans".')
    plans = [_plan(each) for each in listed if isinstance(each, dict)]
    found = {plan.paradigm.casefold(): plan for plan in reversed(plans) if plan.paradigm and plan.idea}
    if not found:
        raise Unusable('No plan in "plans" has a "paradigm" and an "idea".')
    return list(reversed(found.values()))


def _plan(data: Mapping[str, Any]) -> Plan:
    reach = data.get("reach_ms")
    return Plan(
        paradigm=_text(data.get("paradigm"), 80),
        idea=_text(data.get("idea")),
        kernels=texts(data.get("kernels")),
        differs=_text(data.get("differs")),
        reach_ms=float(reach) if isinstance(reach, (int, float)) and reach > 0 else None,
        reach_why=_text(data.get("reach_why")),
        knobs=texts(data.get("knobs")),
        principles=texts(data.get("principles")),
    )


def texts(value: Any) -> tuple[str, ...]:
    """A list of lines, or one line where a model forgot the list."""
    items = value if isinstance(value, list) else [value]
    return tuple(text for item in items[:_MOST_LINES] if (text := _text(item)))


def _text(value: Any, characters: int = _CHARACTERS) -> str:
    if isinstance(value, dict):
        value = "; ".join(f"{key}: {each}" for key, each in value.items())
    return one_line(str(value), characters) if value is not None else ""
