"""What a user of the evaluator may choose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from egg_search.core.verdict import PrecisionClass


class Effort(StrEnum):
    """How much a judgement may cost."""

    SCREEN = "screen"  # another configuration of a structure that is known to be correct
    CHECK = "check"  # all that FULL checks unless it clearly loses, timed as SCREEN does: a structure's first
    FULL = "full"  # everything: all families, shape variants, long timing


@dataclass(frozen=True)
class TimingRule:
    """When a timing session ends: after `min_rounds` at the earliest, once the 95 % interval of the speedup is
    narrower than `width` (relative) or the candidate clearly loses; after `max_rounds` or `seconds` at the latest.
    After `few_rounds`, where that is not 0, already, if it clearly loses then or half of `width` is reached."""

    min_rounds: int
    max_rounds: int
    seconds: float
    width: float
    few_rounds: int = 0


@dataclass(frozen=True)
class EvaluatorSettings:
    """`seed` None draws secret inputs anew in every process, as campaigns do; tests pass one to be repeatable.

    `accept` is the loosest precision class that is not WRONG_VALUES. Seconds are limits, not targets. `layers` names
    the layers of isolation to use; None: all that this machine has.
    """

    seed: int | None = None
    accept: PrecisionClass = PrecisionClass.HALF
    torch_compile: bool = True
    max_autotune: bool = False  # torch.compile that tries many kernels of each kind, as one more baseline
    gate_path: Path | None = None
    layers: frozenset[str] | None = None
    build_seconds: float = 60.0
    load_seconds: float = 30.0  # of a baseline
    min_load_seconds: float = 1.8  # a candidate's import and constructor: this or 20 times the Model's constructor
    gpu_load_seconds: float = 30.0  # the same where kernels for a GPU are compiled in the process that loads them
    compile_seconds: float = 180.0  # of a baseline's call, in which it may be compiled
    autotune_seconds: float = 1200.0  # of one that is compiled on request
    min_call_seconds: float = 1.5  # a call may take this long or 20 times eager's time, whichever is longer
    memory_bytes: int | None = None  # of a worker; None: from the problem's size
    reference_seconds: float = 6.0  # for all float64 truths together; decides how many cases there are
    reference_bytes: int | None = None  # for cases that are kept; None: an eighth of the memory there, or more of much
    variants: int = 3
    screen: TimingRule = TimingRule(min_rounds=5, max_rounds=25, seconds=0.2, width=0.05, few_rounds=3)
    full: TimingRule = TimingRule(min_rounds=12, max_rounds=60, seconds=2.0, width=0.02)

    def rule(self, effort: Effort) -> TimingRule:
        return self.full if effort is Effort.FULL else self.screen
