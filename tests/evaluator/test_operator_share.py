"""How much of a forward is torch's own: with an imaginary clock, and with a GPU's events."""

import itertools
import time

import pytest
import torch

from egg_search.core.hardware import detect_cuda
from evaluator.worker.operators import operator_share


class Clock:
    """Counts what `spend` adds; its marks are its times."""

    def __init__(self):
        self.now = 0.0

    def spend(self, seconds):
        self.now += seconds

    def spend_for(self, element):
        self.now += 1
        return element

    def mark(self):
        return self.now

    @staticmethod
    def between(first, second):
        return second - first


def share(forward):
    clock = Clock()
    return operator_share(forward, [clock], clock.mark, clock.between)


def test_it_is_what_passes_inside_outermost_calls():
    def forward(clock):
        clock.spend(1)
        torch.ones(3).apply_(clock.spend_for)  # three elements
        clock.spend(2)

    assert share(forward) == 3 / 6


def test_a_call_inside_a_call_counts_once():
    def forward(clock):
        clock.spend(1)
        inner = torch.ones(1)
        torch.ones(1).apply_(lambda _: clock.spend_for(inner.apply_(clock.spend_for).item()))

    assert share(forward) == 2 / 3


def test_a_call_that_raises_ends_there():
    def forward(clock):
        clock.spend(1)
        try:
            torch.ones(1).apply_(lambda _: clock.spend_for(1.0) / 0)
        except ZeroDivisionError:
            clock.spend(2)

    assert share(forward) == 1 / 4


def test_nothing_called_and_nothing_spent_is_none_of_it():
    assert share(lambda clock: clock.spend(1)) == 0.0
    assert share(lambda clock: None) == 0.0


def test_marks_are_asked_once_the_forward_is_over():
    marks, told = itertools.count(), []

    def seconds(first, second):
        told.append((first, second))
        return 1.0

    def forward():
        torch.ones(1)
        assert not told

    assert operator_share(forward, [], lambda: next(marks), seconds) == 1 / 3
    assert told == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.gpu
@pytest.mark.skipif(detect_cuda() is None, reason="no GPU that torch can use")
def test_on_a_gpu_what_launching_and_allocating_take_is_no_part():
    from evaluator.worker.cuda import CudaMemory

    memory, x = CudaMemory(), torch.randn(1 << 26, device="cuda")
    graph, y = torch.cuda.CUDAGraph(), torch.empty_like(x)
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        torch.exp(x, out=y)

    def own(x):
        torch.empty_like(x), time.sleep(1e-4)
        graph.replay()

    assert memory.operator_share(own, [x]) < 0.1
    assert memory.operator_share(torch.exp, [x]) > 0.9
