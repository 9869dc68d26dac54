"""A worker's turn on a GPU is seen from outside, as exactly as from inside."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from egg_search.core.hardware import detect_cuda
from evaluator.device.cuda_turn import Turn

NO_GPU = pytest.mark.skipif(detect_cuda() is None, reason="no GPU that torch can use")
# Another process, which works for so many cycles when it is told to and says how many microseconds that took.
OTHER = """
import sys, torch
start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
torch.cuda._sleep(100)
torch.cuda.synchronize()
print("ready", flush=True)
for line in sys.stdin:
    start.record()
    torch.cuda._sleep(int(line))
    end.record()
    torch.cuda.synchronize()
    print(1e3 * start.elapsed_time(end), flush=True)
"""


@pytest.fixture
def other():
    with subprocess.Popen([sys.executable, "-c", OTHER], stdin=-1, stdout=-1, text=True, bufsize=1) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def turn():
    return Turn(torch.zeros(256 << 20, dtype=torch.uint8, device="cuda"))


def seen(turn, other, cycles):
    """(what is seen, what the other one says), in microseconds."""
    time.sleep(0.005)
    torch.cuda.synchronize()
    turn.written()
    turn.begin(1e-3)
    other.stdin.write(f"{cycles}\n")
    turn.follow(lambda: None)
    torch.cuda.synchronize()
    return 1e6 * turn.seconds(), float(other.stdout.readline())


@pytest.mark.gpu
@NO_GPU
def test_a_turn_is_as_long_as_the_work_in_it(turn, other):
    beside = {}
    for cycles in (20_000, 400_000, 1_600_000):
        pairs = [seen(turn, other, cycles) for _ in range(15)]
        known = [found - said for found, said in pairs if found]
        assert len(known) > 10, pairs
        beside[cycles] = sorted(known)[len(known) // 2]
    assert max(beside.values()) - min(beside.values()) < 4, beside
    assert min(beside.values()) > 1e6 * turn.alone


class Event:
    """One that was recorded at so many milliseconds."""

    def __init__(self, at):
        self.at = at

    def elapsed_time(self, other):
        return other.at - self.at


@pytest.mark.parametrize(
    ("changed", "seconds"),
    [
        ({}, 3.4e-4),
        ({"_to": 1.4}, 0.0),  # between the inputs and the hold, or between the hold and its event
        ({"_let_go": 1.9, "_back": 2.2}, 0.0),  # while the cache was emptied
        ({"_interrupted": True}, 0.0),
    ],
)
def test_a_turn_before_it_was_given_shows(changed, seconds):
    assert recorded(changed).seconds() == pytest.approx(seconds)


@pytest.mark.parametrize(("gap", "seconds"), [(0.15, 0.0), (0.29, 2.9e-4), (5.0, 5e-3)])
def test_time_between_the_inputs_and_the_hold_counts_where_it_may_have_been_a_turn(gap, seconds):
    """Or after the hold and before its event."""
    assert recorded({"_to": 1.08 + gap}).early() == pytest.approx(seconds)


def recorded(changed):
    turn = object.__new__(Turn)
    turn._late, turn._flush = 3e-5, 5e-5
    told = {"_written": 0.0, "_to": 1.1, "_let_go": 1.16, "_back": 1.5, "_interrupted": False} | changed
    interrupted = told.pop("_interrupted")
    turn._hold = SimpleNamespace(interrupted=lambda: interrupted, lasted=lambda: 1.05e-3)
    for name, at in told.items():
        setattr(turn, name, Event(at))
    return turn


class Log(list):
    """What is done to things with names, in order."""

    def event(self, name):
        does = {each: partial(self.append, f"{name} {each}") for each in ("record", "synchronize")}
        return SimpleNamespace(**does)


def test_the_hold_has_a_turn_of_its_own_behind_the_writing_of_inputs():
    log, turn = Log(), object.__new__(Turn)
    for name in ("written", "to", "let_go"):
        setattr(turn, f"_{name}", log.event(name))
    turn._hold = lambda seconds: log.append(f"hold {seconds}")
    turn._cold = SimpleNamespace(sum=lambda: log.append("cool"))
    turn.begin(1e-3)
    assert log == ["written synchronize", "hold 0.001", "to record", "cool", "let_go record"]
