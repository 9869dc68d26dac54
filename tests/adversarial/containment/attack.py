"""What an attack is: a piece of code, where in a candidate it runs, and which verdicts may come of it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from entries import source_of

from egg_search.core.verdict import Outcome

PROBLEM = "norm_softmax"
# The places where a candidate's code runs. "import" runs in the build stage and again in the run stage.
IMPORT, INIT, STATE, FORWARD = "import", "constructor", "load_state_dict", "forward"

CRASH = frozenset({Outcome.BUILD_FAILED, Outcome.CRASHED})
HANG = frozenset({Outcome.BUILD_TIMEOUT, Outcome.TIMED_OUT})
HOG = frozenset({Outcome.BUILD_FAILED, Outcome.OUT_OF_MEMORY})
REFUSAL = frozenset(Outcome) - {Outcome.OK, Outcome.REFUSED}
HARMLESS = frozenset({Outcome.OK, Outcome.BUILD_FAILED, Outcome.LOAD_FAILED, Outcome.RAISED, Outcome.CRASHED})
_BUILD = frozenset({Outcome.BUILD_FAILED, Outcome.BUILD_TIMEOUT})

# `breach(...)` says that something worked that must not work: it reaches the test in the verdict's reason.
PRELUDE = """
import ctypes, errno, os, platform, signal, socket, struct, sys, threading, time
from contextlib import suppress

LIBC = ctypes.CDLL(None, use_errno=True)


def breach(what):
    raise AssertionError("BREACH: " + what)


def syscall(number, *arguments):
    ctypes.set_errno(0)
    return LIBC.syscall(ctypes.c_long(number), *arguments)


def must_fail(what, function, *arguments):
    try:
        result = function(*arguments)
    except OSError:
        return
    if not (isinstance(result, int) and result == -1):
        breach(what)


def run_code(code, holding_gil=False):
    import mmap
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    kind = (ctypes.PYFUNCTYPE if holding_gil else ctypes.CFUNCTYPE)(ctypes.c_int)
    return kind(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
"""


@dataclass(frozen=True)
class Attack:
    """`code` may name victims as `@NAME@`. `needs`: the layers without which it would succeed, or do harm."""

    name: str
    code: str
    where: str
    outcomes: frozenset[Outcome]
    needs: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name}, {self.where}"

    def source(self, victims: dict[str, str]) -> str:
        code = textwrap.dedent(self.code).strip() + "\n"
        for name, value in victims.items():
            code = code.replace(f"@{name}@", value)
        parts = {"before": PRELUDE}
        if self.where == IMPORT:
            parts["before"] += code
        elif self.where == INIT:
            parts["init"] = code
        elif self.where == STATE:
            method = "def load_state_dict(self, *arguments, **options):\n"
            parts["body"] = method + textwrap.indent(code, "    ") + "    return super().load_state_dict(*arguments)"
        else:
            parts["forward"] = code + "return Model.forward(self, x)"
        return source_of(PROBLEM, **parts)


def attack(
    name: str,
    code: str,
    where: tuple[str, ...] = (FORWARD,),
    outcomes: frozenset[Outcome] = HARMLESS,
    needs: str = "",
) -> list[Attack]:
    """The attack in each of the places. `outcomes` of the build stage apply to "import" only, the others elsewhere,
    unless it may be harmless, when the stage that notices it is not known."""

    def possible(place: str) -> frozenset[Outcome]:
        if Outcome.OK in outcomes or outcomes == REFUSAL:
            return outcomes
        return outcomes & _BUILD if place == IMPORT else outcomes - _BUILD

    return [Attack(name, code, place, possible(place), frozenset(needs.split())) for place in where]
