"""What a corpus entry is, how its source is made, and what its verdict must be."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.verdict import Outcome, Verdict
from evaluator.evaluator import Evaluator
from evaluator.settings import Effort

HERE = Path(__file__).parent
PROBLEMS = sorted(path.stem for path in (HERE / "problems").glob("*.py"))
# What a candidate gets that was never faster than the problem's own Model: noise only. A cheat that works shows 2 and
# more. A busy machine may fool one judgement, hardly several in a row.
NO_GAIN, ATTEMPTS = 1.3, 3


@dataclass(frozen=True)
class Entry:
    """One candidate. `outcomes`: what a refusal may be, with `reason` (a regular expression) found in the verdict's
    reason; empty when it must be accepted. `gain_free`: it may be accepted as well, or must be where there are no
    outcomes, as long as its speedup over the problem's own Model is below `most`: less than 1 for one that does much
    more than the Model. `flags`: found in an accepted one's flags."""

    name: str
    problem: str
    source: str
    outcomes: frozenset[Outcome]
    reason: str = ""
    gain_free: bool = False
    flags: str = ""
    most: float = NO_GAIN
    effort: Effort = Effort.FULL

    def __str__(self) -> str:
        return f"{self.problem}: {self.name}"


def entry(
    name: str,
    problem: str,
    forward: str = "",
    *,
    before: str = "",
    init: str = "",
    body: str = "",
    outcomes: Outcome | set[Outcome] = frozenset(),
    reason: str = "",
    gain_free: bool = False,
    flags: str = "",
) -> Entry:
    """An entry made of a forward body, text at module level, the rest of a constructor's body, and the rest of the
    class's. Arguments are named as in the problem; `Model.forward(self, ...)` is the problem's own computation."""
    accepted = frozenset([outcomes]) if isinstance(outcomes, Outcome) else frozenset(outcomes)
    return Entry(name, problem, source_of(problem, forward, before, init, body), accepted, reason, gain_free, flags)


def source_of(problem: str, forward: str = "", before: str = "", init: str = "", body: str = "") -> str:
    text = problem_text(problem)
    parts = [text, textwrap.dedent(before), "class ModelNew(Model):"]
    if init:
        names = _arguments(text, "__init__")
        parts.append(_method("__init__", names, f"super().__init__({', '.join(names)})\n" + textwrap.dedent(init)))
    if body:
        parts.append(textwrap.indent(textwrap.dedent(body).strip(), "    "))
    if forward:
        parts.append(_method("forward", _arguments(text, "forward"), forward))
    return "\n\n".join(parts + ([] if init or body or forward else ["    pass"])) + "\n"


@cache
def problem_text(problem: str) -> str:
    return (HERE / "problems" / f"{problem}.py").read_text()


def _method(name: str, arguments: list[str], body: str) -> str:
    head = f"    def {name}({', '.join(['self', *arguments])}):\n"
    return head + textwrap.indent(textwrap.dedent(body).strip(), " " * 8)


def _arguments(text: str, method: str) -> list[str]:
    model = next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == "Model")
    found = [node for node in model.body if isinstance(node, ast.FunctionDef) and node.name == method]
    return [each.arg for each in found[0].args.args[1:]] if found else []


def entries_in(folder: str) -> list[Entry]:
    """The `ENTRIES` of every module in a folder beside this file, as a path. Names must be unique."""
    package = folder.replace("/", ".")
    modules = [import_module(f"{package}.{path.stem}") for path in sorted((HERE / folder).glob("*.py"))]
    found = [each for module in modules for each in module.ENTRIES]
    twice = {str(each) for each in found if sum(str(each) == str(other) for other in found) > 1}
    assert not twice, f"the same name twice: {twice}"
    return found


def one_in(every: int, cases: Iterable[object]) -> list:
    """All cases, but those beyond one in `every` are for `make chaos`: the suite is to stay short."""
    return [pytest.param(each, marks=pytest.mark.chaos if i % every else ()) for i, each in enumerate(cases)]


def few_problems(cases: Iterable[Entry]) -> list:
    """One in three of one problem's cases; others are for `make chaos`. An evaluator takes seconds to make, and what
    contains a worker does not depend on the problem."""
    first = [each for each in cases if each.problem == "norm_softmax"]
    return [*one_in(3, first), *(pytest.param(each, marks=pytest.mark.chaos) for each in cases if each not in first)]


def judge(entry: Entry, evaluator: Evaluator) -> Verdict:
    candidate = Candidate(entry.source, Dialect.TORCH)
    return evaluator.judge(candidate, candidate.default_configuration, entry.effort)


def check(entry: Entry, evaluator_of: Callable[[str], Evaluator], end: str = "low") -> Verdict:
    """The entry's verdict. Asserts that it is the one that it deserves, and that the evaluator lives on. `end`: which
    one of the speedup's interval must not show a gain; the low one where a busy machine makes them wide."""
    shown = []
    for _ in range(ATTEMPTS):
        verdict = judge(entry, evaluator_of(entry.problem))
        assert verdict.reason.isprintable() and len(verdict.reason) < 1000, repr(verdict.reason)  # it goes to terminals
        if not verdict.ok:
            assert verdict.outcome in entry.outcomes, f"{verdict.outcome}: {verdict.reason}"
            assert re.search(entry.reason, verdict.reason), f"{verdict.outcome}: {verdict.reason}"
            return verdict
        assert entry.gain_free or not entry.outcomes, f"accepted: {verdict.timing.speedups} {verdict.flags}"
        assert re.search(entry.flags, "\n".join(verdict.flags)), verdict.flags
        shown.append(getattr(verdict.timing.speedups["eager"], end))
        noise = 1 + verdict.timing.margin if entry.most >= 1 else 0.0
        if not entry.gain_free or shown[-1] < max(entry.most, noise):
            return verdict
    eager = verdict.timing.baselines_ms["eager"]
    raise AssertionError(f"accepted, and faster than it deserves each time: {shown}; eager takes {eager:.4g} ms")
