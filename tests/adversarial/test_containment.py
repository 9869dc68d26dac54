"""Nothing that a candidate does reaches anything but its own verdict."""

from __future__ import annotations

import gc
import os
import platform
import re
import time
from dataclasses import replace
from importlib import import_module

import psutil
import pytest
from containment.attack import FORWARD, IMPORT, PROBLEM, Attack
from containment.victims import Victims
from entries import HERE, one_in, source_of
from honest.compiled import RESULT, SOURCE

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import detect_cpu
from egg_search.core.problem import Problem
from egg_search.core.verdict import Outcome, Verdict
from evaluator.evaluator import Evaluator
from evaluator.isolation.isolation import shared_isolation
from evaluator.settings import Effort, EvaluatorSettings, TimingRule

# Generous: a busy machine is no failure. A time-out costs its limit, and this much more at the most.
SLACK_SECONDS = 8.0
LIMITS = EvaluatorSettings(
    seed=5,
    torch_compile=False,
    memory_bytes=800 << 20,
    build_seconds=4.0,
    load_seconds=2.0,
    min_call_seconds=1.0,
    screen=TimingRule(min_rounds=3, max_rounds=3, seconds=0.1, width=0.2),
)
HONEST = Candidate(source_of(PROBLEM), Dialect.TORCH)
NAMES = sorted(path.stem for path in (HERE / "containment").glob("*.py"))
ATTACKS = [each for name in NAMES for each in getattr(import_module(f"containment.{name}"), "ATTACKS", [])]


@pytest.fixture(scope="module")
def victims(tmp_path_factory):
    with Victims(tmp_path_factory.mktemp("victims"), [RESULT]) as made:
        yield made


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory, victims):
    problem = Problem.from_file(HERE / "problems" / f"{PROBLEM}.py")
    settings = replace(LIMITS, gate_path=victims.gate)
    made = Evaluator(problem, detect_cpu(), tmp_path_factory.mktemp("contained"), settings)
    assert made.judge(HONEST, {}, Effort.SCREEN).ok
    yield made
    made.close()


def _cases() -> list:
    """Every attack in all its places; one in eighteen in the suite."""
    return one_in(18, ATTACKS)


@pytest.mark.parametrize("attack", _cases(), ids=str)
def test_attack_stays_inside(attack: Attack, evaluator, victims):
    _skip_where_it_would_do_harm(attack)
    candidate = Candidate(attack.source(victims.names), Dialect.TORCH)
    descendants, descriptors = _descendants(), _descriptors()
    begin = time.perf_counter()
    verdict = evaluator.judge(candidate, {}, Effort.SCREEN)
    seconds = time.perf_counter() - begin

    victims.check()
    assert not re.search("BREACH.*|status 77", verdict.reason), verdict.reason
    assert verdict.outcome in attack.outcomes, f"{verdict.outcome}: {verdict.reason}"
    assert verdict.reason.isprintable() and len(verdict.reason) < 1000
    assert seconds < _granted(verdict) + SLACK_SECONDS
    honest = evaluator.judge(HONEST, {}, Effort.SCREEN)
    assert honest.ok, f"the next candidate suffers: {honest.outcome}: {honest.reason}"
    _wait_for(lambda: len(_descendants()) <= len(descendants), "processes are left")
    assert _descriptors() <= descriptors, "the verifier holds descriptors that it was sent"


@pytest.mark.parametrize("place", [IMPORT, pytest.param(FORWARD, marks=pytest.mark.chaos)])
def test_build_results_of_another_are_safe(place, compiled, victims):
    evaluator, candidate = compiled
    for name in ("deletes all", "replaces all", "takes the names of another's"):
        attack = next(each for each in ATTACKS if each.name.startswith(name) and each.where == place)
        _skip_where_it_would_do_harm(attack)
        evaluator.judge(Candidate(attack.source(victims.names), Dialect.TORCH), {}, Effort.SCREEN)
    verdict = evaluator.judge(candidate, {}, Effort.SCREEN)
    assert verdict.ok, f"{verdict.outcome}: {verdict.reason}"


@pytest.fixture
def compiled(tmp_path):
    """An evaluator of another problem, and a candidate with a kernel that was not built there yet."""
    problem = Problem.from_file(HERE / "problems" / "gated_chain.py")
    settings = replace(LIMITS, build_seconds=60.0)
    made = Evaluator(problem, detect_cpu(), tmp_path / "build", settings)
    yield made, Candidate(SOURCE, Dialect.CPP)
    made.close()


@pytest.mark.parametrize("name", ["reads a key", "TCP"])
def test_the_attacks_succeed_where_nothing_contains_them(name, victims, tmp_path):
    problem = Problem.from_file(HERE / "problems" / f"{PROBLEM}.py")
    attack = next(each for each in ATTACKS if each.name == name and each.where == IMPORT)
    settings = replace(LIMITS, layers=frozenset())
    alone = Evaluator(problem, detect_cpu(), tmp_path, settings)
    verdict = alone.judge(Candidate(attack.source(victims.names), Dialect.TORCH), {}, Effort.SCREEN)
    alone.close()
    assert verdict.outcome is Outcome.BUILD_FAILED and "BREACH" in verdict.reason
    victims.forget()


def _granted(verdict: Verdict) -> float:
    """Seconds that a hang may take: its limit, twice where the machine is busy."""
    named = re.search(r"within ([\d.]+) s", verdict.reason)
    return 2 * float(named[1]) if named else 0.0


def _skip_where_it_would_do_harm(attack: Attack) -> None:
    missing = attack.needs - shared_isolation(detect_cpu().cores).layers
    if missing:
        pytest.skip(f"this machine has no {', '.join(sorted(missing))}")
    if "run_code(" in attack.code and platform.machine() != "x86_64":
        pytest.skip("machine code of x86-64")


def _descendants() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def _wait_for(condition, otherwise: str, seconds: float = 3.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
