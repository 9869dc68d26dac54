"""Kinds of entries for a GPU, by what their verdict may be."""

from __future__ import annotations

import textwrap
from dataclasses import replace

from entries import Entry, entry

from egg_search.core.verdict import Outcome
from evaluator.settings import Effort

SLEEP = 6_000_000  # clock cycles: more than three milliseconds
OWN = "the Model itself"  # an honest candidate of every problem
NO_GAIN = 1.15  # a speedup below it is none: the clock of a GPU is less noisy than that
WRONG = frozenset({Outcome.WRONG_VALUES, Outcome.NONDETERMINISTIC})
FAULT = frozenset({Outcome.RAISED, Outcome.CRASHED})
FORM = frozenset({Outcome.WRONG_FORM, Outcome.RAISED})
HANG = frozenset({Outcome.TIMED_OUT})
MEMORY = frozenset({Outcome.OUT_OF_MEMORY})
REFUSED = frozenset(Outcome) - {Outcome.OK}
# BREACH is what a candidate says when something worked that must not work. The others are mistakes in a candidate of
# ours, or something that it patches has changed: it would be refused for the wrong reason.
NO_MISTAKE = r"(?s)^(?!.*(BREACH|NameError|AttributeError|TypeError|ImportError|ModuleNotFound|UnboundLocal))"


def wrong(name: str, problem: str, forward: str, *before: str, **more) -> Entry:
    """Its results are wrong."""
    return refused(name, problem, forward, *before, outcomes=more.pop("outcomes", WRONG), **more)


def refused(name: str, problem: str, forward: str, *before: str, outcomes: frozenset[Outcome], **more) -> Entry:
    return _entry(name, problem, forward, before, outcomes=set(outcomes), **more)


def free(name: str, problem: str, forward: str, *before: str, most: float = NO_GAIN, **more) -> Entry:
    """May be refused in any way; if it is accepted it has gained nothing."""
    return _entry(name, problem, forward, before, outcomes=set(REFUSED), gain_free=True, most=most, **more)


def slow(name: str, problem: str, forward: str, *before: str, **more) -> Entry:
    """Sleeps on the device for many times eager's time: that must count, if it is accepted."""
    return free(name, problem, forward, *before, most=0.5, **more)


def honest(name: str, problem: str, forward: str, *before: str, effort: Effort = Effort.FULL, **more) -> Entry:
    """Must be accepted. Its own kernels are judged at other shapes and on families of inputs too."""
    return _entry(name, problem, forward, before, effort=effort, **more)


def _entry(name, problem, forward, before, *, effort=Effort.SCREEN, most=NO_GAIN, reason=NO_MISTAKE, **more) -> Entry:
    text = "\n".join(textwrap.dedent(each) for each in before)
    made = entry(name, f"gpu/{problem}", forward, before=text, reason=reason, **more)
    return replace(made, effort=effort, most=most)
