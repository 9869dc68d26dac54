"""One evaluator a problem and device, for the whole session."""

from __future__ import annotations

from dataclasses import replace

import pytest
from entries import HERE

from egg_search.core.hardware import detect_cpu, detect_cuda
from egg_search.core.problem import Problem
from egg_search.core.verdict import PrecisionClass
from evaluator.evaluator import Evaluator
from evaluator.settings import EvaluatorSettings, TimingRule

QUICK = EvaluatorSettings(
    seed=0x5A17_83C6_0B2F_9D41,  # secret to a candidate that tries small ones
    accept=PrecisionClass.FAITHFUL,
    torch_compile=False,
    reference_seconds=60.0,  # every family, however busy the machine is
    memory_bytes=800 << 20,
    min_call_seconds=1.0,
    full=TimingRule(min_rounds=10, max_rounds=16, seconds=0.3, width=0.1),
)
GPU = replace(QUICK, memory_bytes=None, min_call_seconds=1.5, reference_seconds=4.0)


@pytest.fixture(scope="session")
def evaluator_of(tmp_path_factory):
    """A function from a problem's name, and perhaps a number of cores and layers of isolation, to an evaluator."""
    made: dict[tuple[str, int, frozenset[str] | None], Evaluator] = {}
    build_dir, machine = tmp_path_factory.mktemp("adversarial"), detect_cpu()

    def get(problem: str, cores: int = machine.cores, layers: frozenset[str] | None = None) -> Evaluator:
        key = problem, cores, layers
        if key not in made:
            loaded = Problem.from_file(HERE / "problems" / f"{problem}.py")
            settings = replace(QUICK, layers=layers)
            made[key] = Evaluator(loaded, replace(machine, cores=cores), build_dir, settings)
        return made[key]

    yield get
    for each in made.values():
        each.close()


@pytest.fixture(scope="session")
def gpu_evaluator_of(tmp_path_factory):
    """A function from a problem's name, and perhaps the loosest class of precision, to an evaluator on a GPU."""
    made: dict[tuple[str, PrecisionClass], Evaluator] = {}
    build_dir, machine = tmp_path_factory.mktemp("adversarial-gpu"), detect_cuda()
    if machine is None:
        pytest.skip("no GPU that torch can use")

    def get(problem: str, accept: PrecisionClass = PrecisionClass.FAITHFUL) -> Evaluator:
        if (problem, accept) not in made:
            loaded = Problem.from_file(HERE / "problems" / f"{problem}.py")
            made[problem, accept] = Evaluator(loaded, machine, build_dir, replace(GPU, accept=accept))
        return made[problem, accept]

    yield get
    for each in made.values():
        each.close()
