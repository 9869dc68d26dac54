"""The expert as an author: seeds structures from a problem's graph, and edits its own plans as principles direct."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from egg_search.core.candidate import Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from operators.authors.expert.cpp.dialect import CppDialect
from operators.authors.expert.cuda.dialect import CudaDialect
from operators.authors.expert.emit.plan_text import read_plan
from operators.authors.expert.moves import MOVES, seed
from operators.authors.expert.session import Session
from operators.authors.expert.triton.dialect import TritonDialect
from operators.base import AuthorError, Brief, Writing

_DIALECTS = {Dialect.CPP: CppDialect, Dialect.TRITON: TritonDialect, Dialect.CUDA: CudaDialect}
_KINDS = {"cpu": (Dialect.CPP,), "cuda": (Dialect.TRITON, Dialect.CUDA)}


class ExpertAuthor:
    """Deterministic: equal briefs give equal writings. Stateless but for a cache of captured graphs."""

    name = "expert"

    def begin(self, problem: Problem, hardware: Hardware) -> None:
        """Reads the problem, so that the first `write` need not."""
        for dialect in _KINDS[hardware.kind]:
            _ = _session(problem.id, dialect, hardware, problem).captured

    def write(self, brief: Brief) -> Sequence[Writing]:
        """Up to `brief.limit` sources; empty when nothing applies. Raises AuthorError if the problem defeats it."""
        session = _session(brief.problem.id, brief.dialect, brief.hardware, brief.problem)
        if brief.operator == "seed":
            return session.writings(seed.plans(session, brief), brief)
        plan = read_plan(brief.parent.source, brief.configuration) if brief.parent else None
        if plan is None:
            return []  # not a candidate of the expert's: there is no plan to edit
        return session.writings(MOVES[brief.operator](session, plan, brief), brief)


@lru_cache(maxsize=16)
def _sessions(problem_id: str, hardware: Hardware) -> dict[Dialect, Session]:
    return {}


def _session(problem_id: str, dialect: Dialect, hardware: Hardware, problem: Problem) -> Session:
    if dialect not in _DIALECTS:
        raise AuthorError(f"the expert writes {', '.join(_DIALECTS)}, not {dialect}")
    known = _sessions(problem_id, hardware)
    if dialect not in known:
        known[dialect] = Session(problem, _DIALECTS[dialect](), hardware, twin=next(iter(known.values()), None))
    return known[dialect]
