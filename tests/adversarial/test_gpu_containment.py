"""What fails on a GPU costs its own process only: the next judgement is right, and starts at once."""

from __future__ import annotations

import time

import pytest
import torch
from entries import check, entries_in, judge
from gpu.corpus import honest

from evaluator.settings import Effort

pytestmark = pytest.mark.gpu
PROBLEM = "norm_softmax"
NEXT = honest("the next one", PROBLEM, "", effort=Effort.SCREEN)
LATE_SECONDS = 1.0  # of a judgement, behind one that failed
LEFT_BYTES = 3 << 29  # of the device's memory, that a judgement may have come to use: two contexts more, no hog


@pytest.fixture(scope="module")
def usual_seconds(gpu_evaluator_of):
    """Of a judgement that nothing went before, once everything is started."""
    verdicts = [judge(NEXT, gpu_evaluator_of(NEXT.problem)) for _ in range(3)]
    assert all(each.ok for each in verdicts), [each.reason for each in verdicts]
    return min(each.run_seconds for each in verdicts[1:])


@pytest.mark.parametrize("failing", entries_in("gpu/failing"), ids=str)
def test_what_fails_costs_its_process_only(failing, gpu_evaluator_of, usual_seconds):
    free, _ = torch.cuda.mem_get_info()
    check(failing, gpu_evaluator_of, end="high")
    begin = time.perf_counter()
    verdict = judge(NEXT, gpu_evaluator_of(NEXT.problem))
    seconds = time.perf_counter() - begin
    assert verdict.ok, f"the next candidate suffers: {verdict.outcome}: {verdict.reason}"
    assert seconds < usual_seconds + verdict.build_seconds + LATE_SECONDS
    assert torch.cuda.mem_get_info()[0] > free - LEFT_BYTES, "memory is held"


def test_two_hangs_in_a_row_cost_their_limits_only(gpu_evaluator_of, usual_seconds):
    hang = next(each for each in entries_in("gpu/failing") if each.name == "never ends behind a right answer")
    check(hang, gpu_evaluator_of)
    check(hang, gpu_evaluator_of)
    assert judge(NEXT, gpu_evaluator_of(NEXT.problem)).ok
