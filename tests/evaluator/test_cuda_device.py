"""Candidates on a GPU are right and timed; `adversarial/` has those that are found out and those that fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from cuda_samples import KNOBS, ROWS, TORCH, TRITON
from evaluator_samples import QUICK

from egg_search.core.hardware import detect, detect_cpu, detect_cuda
from egg_search.core.problem import Problem
from egg_search.core.verdict import Outcome
from evaluator.device.cuda_bench import reserved_bytes
from evaluator.evaluator import Evaluator
from evaluator.settings import Effort

HARDWARE = detect_cuda()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(HARDWARE is None, reason="no GPU that torch can use")]


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    settings = replace(QUICK, memory_bytes=None)
    evaluator = Evaluator(Problem("rows", ROWS), HARDWARE, tmp_path_factory.mktemp("build"), settings)
    yield evaluator
    evaluator.close()


def test_the_gpu_is_preferred_and_described():
    assert detect() == HARDWARE != detect_cpu()
    assert HARDWARE.kind == "cuda" and HARDWARE.cores > 1 and HARDWARE.shared_bytes >= 48 << 10
    assert HARDWARE.l2_bytes > 1 << 20 and HARDWARE.memory_bytes > 1 << 30


@pytest.mark.parametrize("effort", Effort)
def test_an_honest_torch_candidate_is_right_and_timed(judge, effort):
    verdict = judge.judge(TORCH, {}, effort)
    assert verdict.outcome is Outcome.OK, verdict.reason
    assert verdict.timing.speedups.keys() >= {"eager"}


@pytest.mark.parametrize("effort", Effort)
def test_an_honest_triton_kernel_is_right_and_timed(judge, effort):
    verdict = judge.judge(TRITON, {}, effort)
    assert verdict.outcome is Outcome.OK, verdict.reason


def test_configurations_of_a_kernel_share_a_worker_that_keeps_no_memory(judge):
    workers, free = [], []
    for warps in (4, 2, 8, 16):
        verdict = judge.judge(KNOBS, {"WARPS": warps}, Effort.SCREEN)
        assert verdict.outcome is Outcome.OK, verdict.reason
        assert judge._device._after._kept, (warps, verdict.flags, judge._book._fresh._seconds)
        workers.append(judge._device._after._kept.worker.pid)
        free.append(torch.cuda.mem_get_info()[0] + reserved_bytes())
    assert len(set(workers)) == 1
    assert free[1] - free[-1] < 32 << 20  # what the first one took stays: libraries' workspaces
    assert judge.judge(TRITON, {}, Effort.SCREEN).outcome is Outcome.OK
    assert judge._device._after._kept.worker.pid != workers[0]


def test_what_a_kernel_computes_is_none_of_torchs(judge):
    verdict = judge.judge(TRITON, {}, Effort.FULL)
    assert verdict.generated_share > 0.5


def test_baselines_with_and_without_compiler_and_tf32(tmp_path):
    settings = replace(QUICK, memory_bytes=None, torch_compile=True)
    evaluator = Evaluator(Problem("rows", ROWS), HARDWARE, tmp_path, settings)
    try:
        assert {"eager", "eager_fp32", "eager_tf32", "compile", "compile_tf32"} == set(evaluator.baselines())
    finally:
        evaluator.close()
