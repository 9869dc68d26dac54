"""Several processes, each with a place of its own, on one suite. Real processes; one test searches for real."""

import os
import signal
import threading

import pytest
from fabricated_run import PROBLEM

from egg_search.bench import places as where
from egg_search.bench.places import Place, cpu_shares, default_parallel, places
from egg_search.bench.spread import Spread
from egg_search.bench.suite import Suite
from egg_search.campaign import Settings, load_result
from egg_search.core.errors import UserError
from egg_search.core.hardware import Driver, Hardware

BAD = "class Model:\n    pass\n"


def gpu(model: str) -> Hardware:
    return Hardware("cuda", model, 132, 16, 228 << 10, 50 << 20, 0, 80 << 30)


@pytest.fixture
def gpus(monkeypatch):
    """Makes this machine one with the GPUs of these models, and 8 CPUs."""

    def make(*models: str, visible: str | None = None) -> None:
        driver = Driver(tuple(map(gpu, models)), "")
        monkeypatch.setattr(where, "ask_driver", lambda: driver)
        monkeypatch.setattr(where, "detect", lambda device: driver.gpus[0])
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return make


def test_each_place_has_a_gpu_and_an_even_share_of_the_cpus(gpus):
    gpus("H", "H", "H")
    found = places(3, "auto")
    assert [place.environment()["CUDA_VISIBLE_DEVICES"] for place in found] == ["0", "1", "2"]
    assert [len(place.cpus) for place in found] == [2, 2, 2]
    assert len({cpu for place in found for cpu in place.cpus}) == 6


def test_a_place_names_its_gpu_as_the_user_did(gpus):
    gpus("H", "H", visible="5, GPU-8a3f")
    assert [place.gpu for place in places(2, "auto")] == ["5", "GPU-8a3f"]


def test_only_gpus_of_the_first_ones_model_are_used(gpus):
    gpus("H", "A", "H")
    assert default_parallel("auto", None) == 2
    assert [place.gpu for place in places(2, "auto")] == ["0", "2"]
    with pytest.raises(UserError, match="2 GPUs of one model"):
        places(3, "auto")


def test_how_many_at_a_time(gpus):
    assert default_parallel("cpu", None) == 1
    gpus("H", "H", "H", "H")
    assert default_parallel("auto", None) == default_parallel("auto", "none") == 4
    assert default_parallel("auto", "10.0.0.1:6379") == 1


def test_threads_of_a_core_stay_together(monkeypatch):
    # Two sockets of two cores; the second threads are numbered last.
    seats = {0: (0, 0), 1: (0, 1), 2: (1, 0), 3: (1, 1), 4: (0, 0), 5: (0, 1), 6: (1, 0), 7: (1, 1)}
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(seats))
    monkeypatch.setattr(where, "_position", lambda cpu: (*seats[cpu], cpu))
    assert cpu_shares(4) == [(0, 4), (1, 5), (2, 6), (3, 7)]
    assert cpu_shares(3) == [(0, 4), (1, 5), (2, 6)]
    with pytest.raises(UserError, match="only 8 CPUs"):
        cpu_shares(9)


@pytest.fixture
def spread(tmp_path):
    """A suite of problems by source, spread over two places of one CPU each; and what is said."""

    def make(**sources: str) -> tuple[Suite, Spread, list[str]]:
        paths = {name: tmp_path / f"{name}.py" for name in sources}
        for name, source in sources.items():
            paths[name].write_text(source)
        settings = Settings("", budget_s=600.0, max_evaluations=1, device="cpu", ray_address="none")
        suite, said = Suite(tmp_path / "runs", paths, settings), []
        cpus = sorted(os.sched_getaffinity(0))
        seats = [Place(f"part {number}", (cpus[number % len(cpus)],)) for number in range(2)]
        return suite, Spread(suite, seats, tmp_path / "logs", said.append), said

    return make


def test_what_fails_is_noted_and_the_others_go_on(spread):
    suite, it, _ = spread(first=BAD, second=BAD, third=BAD)
    assert it.run()
    assert set(suite.failures) == {"first", "second", "third"}
    assert "get_inputs" in suite.failures["third"]


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_two_processes_search_until_they_are_interrupted(spread, tmp_path):
    suite, it, said = spread(first=PROBLEM, second=PROBLEM, third=PROBLEM, fourth=PROBLEM)
    it._say = lambda line: (said.append(line), " done" in line and os.kill(os.getpid(), signal.SIGINT))
    assert not it.run()
    assert not suite.failures, said
    finished = [path for path in suite.done() if path.name not in suite.pending()]
    assert {path.name for path in finished} & {"first", "second"}
    for result in map(load_result, finished):
        assert result.certified
        assert result.front
    assert any(" done" in line and "x eager" in line for line in said)
    assert "fourth" in suite.pending()
    for log in ("part-0.log", "part-1.log"):
        assert "measuring baselines" in (tmp_path / "logs" / log).read_text()


@pytest.mark.timeout(120)
def test_a_process_that_dies_costs_its_problem_only(spread, monkeypatch):
    suite, it, said = spread(first=PROBLEM, second=BAD, third=BAD)
    _kill_children_at(it, monkeypatch, problem="first")
    assert it.run()
    assert "its process died 2 times (exit code -9)" in suite.failures["first"]
    assert {"second", "third"} < set(suite.failures)
    assert sum("once more" in line for line in said) == 1


@pytest.mark.timeout(120)
def test_an_interrupt_before_anything_is_searched(spread):
    suite, it, _ = spread(first=PROBLEM, second=PROBLEM, third=PROBLEM)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert not it.run()
    assert not suite.failures
    assert suite.pending() == ["first", "second", "third"]


def _kill_children_at(it: Spread, monkeypatch, problem: str) -> None:
    """Every child that is given `problem` is killed a moment later."""
    from egg_search.bench.child import Child

    search = Child.search

    def deadly(child: Child, name: str):
        if name == problem:
            threading.Timer(0.5, child.kill).start()
        return search(child, name)

    monkeypatch.setattr(Child, "search", deadly)
