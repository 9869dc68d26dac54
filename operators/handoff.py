"""What passes from one stage to the next: decisions, and none of the talk that led to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from egg_search.core.candidate import Candidate
from egg_search.core.knobs import Lever, Value
from egg_search.core.signature import structure
from egg_search.core.verdict import Verdict

if TYPE_CHECKING:
    from operators.base import Attempt

_WORSE = 0.98  # of the parent's speed: not noise any more
_DEAD_ENDS = 6


@dataclass(frozen=True)
class TunedKnob:
    """`value` is the best one found; `importance` its share in what the study's scores differ by, 0 to 1."""

    name: str
    lever: Lever
    value: Value
    importance: float | None = None  # None: too few scores to tell


@dataclass(frozen=True)
class Handoff:
    """`intent` says what the structure is, in a line; `invariants` are the lines of its signature; `bottleneck` is what
    holds it up; `dead_ends` are changes that failed or made it slower, with what came of them."""

    intent: str
    invariants: tuple[str, ...] = ()
    bottleneck: str = ""
    knobs: tuple[TunedKnob, ...] = ()
    dead_ends: tuple[str, ...] = ()


def hand_off(
    candidate: Candidate,
    intent: str = "",
    configuration: Mapping[str, Value] | None = None,
    verdict: Verdict | None = None,
    attempts: Iterable[Attempt] = (),
    importances: Mapping[str, float] | None = None,
) -> Handoff:
    """The decisions that led to `candidate`, at its best `configuration`, whose `verdict` this is. `attempts` are those
    of the stages before; `importances` are Optuna's, by knob. Raises CandidateError for a source without structure."""
    values = candidate.default_configuration | dict(configuration or {})
    shares = importances or {}
    knobs = [TunedKnob(k.name, k.lever, values[k.name], shares.get(k.name)) for k in candidate.knobs.values()]
    return Handoff(
        intent,
        structure(candidate.source, candidate.dialect),
        _bottleneck(verdict),
        tuple(sorted(knobs, key=lambda knob: -(knob.importance or 0.0))),
        tuple(dict.fromkeys(f"{each.change}: {_came_of(each)}" for each in attempts if _is_dead_end(each)))[
            -_DEAD_ENDS:
        ],
    )


def _bottleneck(verdict: Verdict | None) -> str:
    diagnosis: Mapping[str, Any] = (verdict.resources if verdict else {}).get("diagnosis", {})
    if "bottleneck" not in diagnosis:
        return ""
    return f"{diagnosis['bottleneck']}: {'; '.join(diagnosis.get('evidence', ())[:2])}"


def _is_dead_end(attempt: Attempt) -> bool:
    return attempt.outcome != "ok" or (attempt.speedup is not None and attempt.speedup < _WORSE)


def _came_of(attempt: Attempt) -> str:
    return f"{attempt.speedup:.2f}x" if attempt.speedup is not None else attempt.outcome
