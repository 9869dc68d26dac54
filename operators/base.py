"""Operators decide what may change; authors write the code. This file is the contract between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever
from egg_search.core.problem import Problem
from egg_search.core.survey import Survey
from egg_search.core.verdict import PrecisionClass, Verdict
from operators.handoff import Handoff
from principles import Library, Principle, load

if TYPE_CHECKING:  # slow to import, and only agents look at them
    from evaluator.roofline.ceilings import Ceilings
    from evaluator.roofline.work import LeastWork


@dataclass(frozen=True)
class Attempt:
    """One earlier step on the same parent or problem: what was changed and what came of it."""

    change: str
    principle: str | None
    outcome: str
    speedup: float | None  # over the parent; None when it was not measured
    operator: str = ""  # "": not known


@dataclass(frozen=True)
class Known:
    """A structure of the archive: what its author said of it, the lines of its signature, its best speedup over the
    reference."""

    signature: str
    change: str
    lines: tuple[str, ...] = ()
    speedup: float | None = None


@dataclass(frozen=True)
class Brief:
    """All that an author is given. `lever` is None in stage one.

    `principles` are those to follow, best first; `library` holds all that bind the drafts. From `step` on it is for
    authors that reason in words; each may be missing.
    """

    operator: str
    problem: Problem
    hardware: Hardware
    dialect: Dialect
    seed: int
    parent: Candidate | None = None
    configuration: dict[str, Any] = field(default_factory=dict)  # the parent's best
    verdict: Verdict | None = None  # the parent's, at that configuration
    lever: Lever | None = None
    principles: tuple[Principle, ...] = ()
    known_signatures: frozenset[str] = frozenset()  # structures already in the archive
    tried: tuple[Attempt, ...] = ()
    limit: int = 8  # how many drafts are wanted at the most
    accept: PrecisionClass = PrecisionClass.FAITHFUL  # the loosest class that counts
    library: Library = field(default_factory=load)
    step: int | None = None  # its number in the campaign
    preference: Mapping[str, float] = field(default_factory=dict)  # by model: how much more often to ask it; else 1
    known: tuple[Known, ...] = ()  # the structures behind `known_signatures`, best first
    handoff: Handoff | None = None  # what the stage before decided
    survey: Survey | None = None
    work: LeastWork | None = None  # of the problem
    ceilings: Ceilings | None = None  # of the GPU
    repairs: int = 0  # in a row, that led to the parent


@dataclass(frozen=True)
class Draft:
    """A candidate that an author proposes, with one line that says what changed and why."""

    candidate: Candidate
    signature: str
    change: str
    operator: str
    author: str
    parent: str | None = None  # candidate id
    principles: tuple[str, ...] = ()
    model: str = ""  # that wrote it, where the author asks models


@dataclass(frozen=True)
class Refusal:
    """A draft that broke a rule before it was built. The reason goes back to its author and into the journal."""

    change: str
    reason: str
    operator: str
    author: str
    parent: str | None = None
    source: str = ""
    model: str = ""


@dataclass(frozen=True)
class Writing:
    """What an author hands back to the operator: a source, unchecked. `fault` is a rule that the author knows it to
    break, for the record: it is refused. `model` wrote it, where the author asks models."""

    source: str
    change: str
    principles: tuple[str, ...] = ()
    fault: str = ""
    model: str = ""


class Author(Protocol):
    """Writes code. Raises AuthorError when it was asked for and cannot work at all; an empty list says that
    nothing applies. Never falls back to another author."""

    name: str

    def write(self, brief: Brief) -> Sequence[Writing]: ...


class Operator(Protocol):
    """A way to get new candidates. `stage`: 1 structure, 2 schedule, 3 neither. One that `needs_parent` edits it."""

    name: str
    stage: int
    lever: Lever | None
    needs_parent: bool

    def propose(self, brief: Brief, author: Author) -> list[Draft | Refusal]:
        """At most `brief.limit` drafts, best bets first, then the refusals. Raises what the author raises."""
        ...

    def judge(self, writing: Writing, brief: Brief, author: str) -> Draft | Refusal:
        """What `propose` makes of one writing, for authors that look before they hand it back."""
        ...


class AuthorError(Exception):
    """An author that was asked for cannot work; the message is one line. `spent`: because its budget is."""

    def __init__(self, message: str, spent: bool = False) -> None:
        super().__init__(message)
        self.spent = spent
