"""A small problem and its evaluator; evaluators of other problems."""

from __future__ import annotations

from dataclasses import replace

import pytest
from evaluator_samples import COMPILED, NORM_SOFTMAX, QUICK

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import detect_cpu
from egg_search.core.problem import Problem
from evaluator.evaluator import Evaluator


@pytest.fixture(scope="session")
def build_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("build")


@pytest.fixture(scope="session")
def compiled() -> Candidate:
    """An honest candidate with a hand-written C++ kernel."""
    return Candidate(NORM_SOFTMAX + COMPILED, Dialect.CPP)


@pytest.fixture(scope="session")
def problem() -> Problem:
    return Problem("norm_softmax", NORM_SOFTMAX)


@pytest.fixture(scope="session")
def judge(problem, build_dir):
    evaluator = Evaluator(problem, detect_cpu(), build_dir, QUICK)
    yield evaluator
    evaluator.close()


@pytest.fixture
def evaluator_for(build_dir):
    """Makes evaluators of other problems; they close at the end of the test."""
    made: list[Evaluator] = []

    def make(source: str, **settings) -> Evaluator:
        made.append(Evaluator(Problem("other", source), detect_cpu(), build_dir, replace(QUICK, **settings)))
        return made[-1]

    yield make
    for each in made:
        each.close()
