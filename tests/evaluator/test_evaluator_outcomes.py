"""Every outcome, produced for real; and honest candidates that pass."""

from __future__ import annotations

import re

import pytest
from evaluator_samples import LAZY, NORM_SOFTMAX, candidate_of

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.verdict import Outcome, PrecisionClass, Verdict
from evaluator.settings import Effort
from evaluator.static import LIBRARY_ONLY, has_flag

FAULTS = {
    "zeros": ("return torch.zeros_like(x)", Outcome.WRONG_VALUES, "expected"),
    "affine skipped": (
        "return torch.softmax(torch.layer_norm(x, x.shape[-1:]), -1)",
        Outcome.WRONG_VALUES,
        "precision|expected",
    ),
    "last row skipped": ("y = super().forward(x)\ny[-1] = y[0]\nreturn y", Outcome.WRONG_VALUES, "element"),
    "raises": ("raise ValueError('no such thing')", Outcome.RAISED, r"ValueError \(line \d+\): no such thing"),
    "exits": ("raise SystemExit(0)", Outcome.RAISED, "SystemExit"),
    "exits for good": ("import os; os._exit(0)", Outcome.CRASHED, "exited with status 0"),
    "segfault": ("import ctypes; ctypes.string_at(0)", Outcome.CRASHED, "SIGSEGV"),
    "hang": ("while True: pass", Outcome.TIMED_OUT, "no answer within 1 s"),
    "memory hog": (
        "hog = [torch.ones(1 << 24) for _ in range(99)]\nreturn super().forward(x)",
        Outcome.OUT_OF_MEMORY,
        "memory",
    ),
    "wrong shape": ("return super().forward(x)[:-1]", Outcome.WRONG_FORM, r"shape \(47, 200\), expected \(48, 200\)"),
    "wrong dtype": ("return super().forward(x).double()", Outcome.WRONG_FORM, "float64"),
    "two outputs": ("y = super().forward(x)\nreturn y, y", Outcome.WRONG_FORM, "2 output tensors, expected 1"),
    "nothing": ("return None", Outcome.WRONG_FORM, "0 output tensors"),
    "sparse": ("return super().forward(x).to_sparse()", Outcome.WRONG_FORM, "sparse"),
    "changes its input": ("y = super().forward(x)\nx.zero_()\nreturn y", Outcome.WRONG_VALUES, "changes its input"),
    "every second call": (
        "self.n = getattr(self, 'n', 0) + 1\ny = super().forward(x)\nreturn y if self.n < 9 else y * 1.5",
        Outcome.WRONG_VALUES,
        "element",
    ),
    "fixed shape": (
        "assert x.shape[0] == 48\nreturn super().forward(x)",
        Outcome.RAISED,
        "with batch_size=.*AssertionError",
    ),
    "nan swallowed": ("return super().forward(x).nan_to_num(0.0)", Outcome.WRONG_VALUES, "nan: .*eager gives nan"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named(judge, name):
    forward, outcome, reason = FAULTS[name]
    verdict = judge.judge(candidate_of(forward), {}, Effort.FULL)
    assert verdict.outcome is outcome, verdict
    assert re.search(reason, verdict.reason), verdict.reason
    assert verdict.errors is None and verdict.timing is None


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_search_tries_first_is_checked_as_thoroughly(judge, name):
    forward, outcome, _ = FAULTS[name]
    assert judge.judge(candidate_of(forward), {}, Effort.CHECK).outcome is outcome


def test_what_a_search_tries_first_is_timed_as_briefly_as_a_configuration(judge):
    verdict = judge.judge(candidate_of("return super().forward(x)"), {}, Effort.CHECK)
    assert verdict.ok and verdict.timing.samples <= judge._settings.screen.max_rounds


def test_other_outputs_for_inputs_that_come_again_are_nondeterministic(judge):
    forward = """
        key = hash(x.numpy().tobytes())
        y = super().forward(x) * (1.5 if key in SEEN else 1)
        SEEN.add(key)
        return y
    """
    verdict = judge.judge(candidate_of(forward, "SEEN = set()"), {}, Effort.FULL)
    assert verdict.outcome is Outcome.NONDETERMINISTIC and "right before, now wrong" in verdict.reason


def test_atomics_like_jitter_is_a_flag(judge):
    forward = "y = super().forward(x)\nreturn y * (1 + 1e-7 * torch.randint(0, 2, y.shape))"
    verdict = judge.judge(candidate_of(forward), {}, Effort.FULL)
    assert verdict.ok and any(flag.startswith("nondeterministic") for flag in verdict.flags)


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        ("return super().forward(x)", {PrecisionClass.FAITHFUL}),
        ("return super().forward(x).half().float()", {PrecisionClass.TF32, PrecisionClass.HALF}),
        ("return super().forward(x).bfloat16().float()", {PrecisionClass.HALF}),
    ],
)
def test_precision_class(judge, forward, expected):
    verdict = judge.judge(candidate_of(forward), {}, Effort.FULL)
    assert verdict.ok, verdict.reason
    assert verdict.errors.precision in expected


def test_a_class_that_is_not_accepted_is_wrong(evaluator_for):
    evaluator = evaluator_for(NORM_SOFTMAX, accept=PrecisionClass.FAITHFUL)
    verdict = evaluator.judge(candidate_of("return super().forward(x).half().float()"), {}, Effort.SCREEN)
    assert verdict.outcome is Outcome.WRONG_VALUES and "precision class" in verdict.reason


def test_honest_kernel(judge, compiled):
    verdict = judge.judge(compiled, {"K0_LANES": 4}, Effort.FULL)
    assert verdict.ok, verdict.reason
    assert verdict.errors.precision is PrecisionClass.FAITHFUL and verdict.errors.limit_ratio <= 1
    assert 0 < verdict.timing.ms.low <= verdict.timing.ms.high and set(verdict.timing.speedups) == {"eager"}
    assert verdict.generated_share > 0.3
    assert verdict.flags == ()
    again = judge.judge(compiled, {"K0_LANES": 4}, Effort.SCREEN)
    assert again.ok and again.build_seconds < 0.05 < verdict.build_seconds
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_library_port_is_flagged_and_generates_nothing(judge):
    verdict = judge.judge(candidate_of("return super().forward(x)"), {}, Effort.FULL)
    assert verdict.ok and has_flag(verdict.flags, LIBRARY_ONLY)
    assert verdict.generated_share < 0.9


def test_clear_loser_stops_early(judge):
    slow = candidate_of("import time; time.sleep(0.02)\nreturn super().forward(x)")
    verdict = judge.judge(slow, {}, Effort.SCREEN, best_ms=judge.baselines()["eager"])
    assert verdict.ok and verdict.timing.stopped_early and verdict.timing.samples <= 8


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ("self.norm.extra = nn.Parameter(torch.ones(1))", "norm.extra"),
        ("raise RuntimeError('cannot construct')", "cannot construct"),
    ],
)
def test_load_failures(judge, extra, reason):
    constructor = f"    def __init__(self, n):\n        super().__init__(n)\n        {extra}\n"
    source = f"{NORM_SOFTMAX}\n\nclass ModelNew(Model):\n{constructor}"
    verdict = judge.judge(Candidate(source, Dialect.TORCH), {}, Effort.SCREEN)
    assert verdict.outcome is Outcome.LOAD_FAILED and reason in verdict.reason


def test_killed_zygote_recovers(evaluator_for):
    evaluator = evaluator_for(NORM_SOFTMAX, layers=frozenset())  # no layer keeps a worker from killing its parent
    honest = candidate_of("return super().forward(x)")
    killer = candidate_of("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nwhile True: pass")
    assert evaluator.judge(killer, {}, Effort.SCREEN).outcome is Outcome.CRASHED
    verdict = evaluator.judge(honest, {}, Effort.SCREEN)
    assert verdict.ok, verdict.reason


def test_a_refusal_names_what_was_denied(judge):
    verdict = judge.judge(candidate_of("import os\nos.fork()\nreturn x"), {}, Effort.SCREEN)
    assert verdict.outcome is Outcome.RAISED and "denied: " in verdict.reason
    assert any(flag.startswith("denied: ") for flag in verdict.flags)


def test_a_kernel_that_is_compiled_in_the_first_call_is_judged(judge):
    verdict = judge.judge(
        candidate_of("return super().forward(x) * (compiled().twice(1.0) / 2)", LAZY), {}, Effort.SCREEN
    )
    assert verdict.ok, verdict.reason


def test_a_kernel_that_is_compiled_for_every_shape_is_judged_at_all_of_them(judge):
    """As those of Triton are."""
    lazy = LAZY.replace("compiled()", "compiled(shape)").replace('"/lazy.so"', 'f"/lazy{shape[0]}x{shape[1]}.so"')
    candidate = candidate_of("return super().forward(x) * (compiled(tuple(x.shape)).twice(1.0) / 2)", lazy)
    verdict = judge.judge(candidate, {}, Effort.FULL)
    assert verdict.ok, verdict.reason


COUNTING = """
import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(40)

    def forward(self, x):
        return self.norm(x)


def get_inputs():
    return [torch.randn(64, 40)]


def get_init_inputs():
    return []
"""


def test_a_rehearsal_leaves_no_trace_in_buffers(evaluator_for):
    candidate = candidate_of("return super().forward(x) * (compiled().twice(1.0) / 2)", LAZY, COUNTING)
    verdict = evaluator_for(COUNTING).judge(candidate, {}, Effort.SCREEN)
    assert verdict.ok, verdict.reason
