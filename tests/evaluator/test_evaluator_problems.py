"""Problems of every form: their own Model, as a candidate, is right and as fast as itself."""

from __future__ import annotations

import os

import pytest
from evaluator_samples import NORM_SOFTMAX, candidate_of

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.errors import UserError
from egg_search.core.verdict import Outcome, PrecisionClass
from evaluator.settings import Effort, TimingRule

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
PROBLEMS = {
    "argmax": """
class Model(nn.Module):
    def __init__(self, axis): super().__init__(); self.axis = axis
    def forward(self, x): return torch.argmax(x, dim=self.axis)
def get_inputs(): return [torch.randn(8, 32, 20)]
def get_init_inputs(): return [1]
""",
    "batch norm in training mode": """
class Model(nn.Module):
    def __init__(self, n): super().__init__(); self.bn = nn.BatchNorm2d(n)
    def forward(self, x): return self.bn(x)
def get_inputs(): return [torch.rand(4, 6, 9, 9)]
def get_init_inputs(): return {"n": 6}
""",
    "several outputs, views among them": """
class Model(nn.Module):
    def forward(self, x, k):
        values, indices = torch.sort(x, dim=-1)
        return {"v": values[:, :k], "t": (indices, x.t(), x.sum(), x > 0, x[:1].expand(50, -1))}
def get_inputs(): return [torch.randn(6, 40), 3]
def get_init_inputs(): return []
""",
    "integers, halves and a transposed input": """
class Model(nn.Module):
    def __init__(self): super().__init__(); self.e = nn.Embedding(50, 24)
    def forward(self, ids, x, w): return self.e(ids), x @ x.t(), w.half() * 2, w.long()
def get_inputs(): return [torch.randint(0, 50, (7,)), torch.randn(24, 7).t(), torch.randn(5, 5)]
def get_init_inputs(): return []
""",
    "a loss with probabilities": """
class Model(nn.Module):
    def forward(self, p, t): return F.binary_cross_entropy(p, t)
def get_inputs(): return [torch.rand(64, 10), torch.rand(64, 10)]
def get_init_inputs(): return []
""",
    "changes its input in place": """
class Model(nn.Module):
    def __init__(self): super().__init__(); self.act = nn.ReLU(inplace=True)
    def forward(self, x): return self.act(x)
def get_inputs(): return [torch.randn(30, 30)]
def get_init_inputs(): return []
""",
    "a causal mask as a buffer": """
n = 24
class Model(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.register_buffer("mask", torch.triu(torch.full((n, n), float("-inf")), 1))
    def forward(self, q, k): return torch.softmax(q @ k.transpose(-1, -2) + self.mask, -1)
def get_inputs(): return [torch.randn(2, n, 8), torch.randn(2, n, 8)]
def get_init_inputs(): return [n]
""",
    "a constructor that draws": """
class Model(nn.Module):
    def __init__(self): super().__init__(); self.w = torch.randn(20)
    def forward(self, x): return x * self.w
def get_inputs(): return [torch.randn(3, 20)]
def get_init_inputs(): return []
""",
    "quantised": """
class Model(nn.Module):
    def forward(self, x, w, s): return x @ (w.float() * s)
def get_inputs():
    return [torch.randn(8, 64), torch.randint(-128, 127, (64, 32), dtype=torch.int8), torch.rand(32)]
def get_init_inputs(): return []
""",
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_own_model_is_right(evaluator_for, name):
    source = HEAD + PROBLEMS[name]
    copy = "\n\nclass ModelNew(Model):\n    pass\n"
    verdict = evaluator_for(source).judge(Candidate(source + copy, Dialect.TORCH), {}, Effort.FULL)
    assert verdict.ok, verdict.reason
    assert verdict.errors.precision is PrecisionClass.FAITHFUL, verdict.errors
    assert verdict.resources["full_checks"] == 0
    phases = verdict.resources["phases"]
    assert list(phases)[:5] == ["worker", "load", "check", "baselines", "time"]
    assert sum(phases.values()) <= verdict.run_seconds + 0.01
    assert not [flag for flag in verdict.flags if flag.startswith("nondeterministic")]


def test_wrong_ties_are_found(evaluator_for):
    evaluator = evaluator_for(HEAD + PROBLEMS["argmax"])
    candidate = candidate_of(
        "return x.shape[1] - 1 - torch.argmax(x.flip(1), dim=1)", problem=HEAD + PROBLEMS["argmax"]
    )
    assert evaluator.judge(candidate, {}, Effort.FULL).outcome is Outcome.WRONG_VALUES  # constant rows: the last index


def test_running_statistics_must_be_updated(evaluator_for):
    source = HEAD + PROBLEMS["batch norm in training mode"]
    forward = "return F.batch_norm(x, None, None, self.bn.weight, self.bn.bias, training=True)"
    verdict = evaluator_for(source).judge(candidate_of(forward, problem=source), {}, Effort.SCREEN)
    assert verdict.outcome is Outcome.WRONG_VALUES and "buffer bn.running_mean" in verdict.reason


def test_identical_code_is_as_fast_as_itself(evaluator_for):
    source = NORM_SOFTMAX.replace("48", "2000")
    rule = TimingRule(min_rounds=12, max_rounds=40, seconds=2.0, width=0.05)
    evaluator = evaluator_for(source, full=rule)
    verdict = evaluator.judge(candidate_of("return super().forward(x)", problem=source), {}, Effort.FULL)
    speedup = verdict.timing.speedups["eager"]
    assert verdict.ok and speedup.low < 1.25 and speedup.high > 0.8  # a busy machine widens the interval
    assert verdict.timing.ms.value == pytest.approx(evaluator.baselines()["eager"] / speedup.value)


@pytest.mark.chaos  # torch.compile takes its time; the whole runs of tests/cli have it among their baselines
def test_torch_compile_is_a_baseline(evaluator_for):
    evaluator = evaluator_for(NORM_SOFTMAX, torch_compile=True)
    verdict = evaluator.judge(candidate_of("return super().forward(x)"), {}, Effort.SCREEN)
    assert verdict.ok and set(verdict.timing.speedups) == {"eager", "compile"} == set(evaluator.baselines())


@pytest.mark.chaos  # the compiler tries many kernels; how it is asked for is tested in test_baselines_start.py
def test_max_autotune_is_a_baseline_on_request(evaluator_for):
    source = NORM_SOFTMAX.replace("nn.LayerNorm(features)", "nn.Linear(features, 64)")  # a product has a choice
    evaluator = evaluator_for(source, max_autotune=True)
    assert set(evaluator.baselines()) == {"eager", "max_autotune"} and not evaluator.baseline_failures


def test_a_failing_torch_compile_is_recorded(evaluator_for):
    evaluator = evaluator_for(NORM_SOFTMAX, torch_compile=True, compile_seconds=0.8)
    assert set(evaluator.baselines()) == {"eager"}
    assert evaluator.baseline_failures == {"compile": "no answer within 0.8 s"}
    assert evaluator.judge(candidate_of("return super().forward(x)"), {}, Effort.SCREEN).ok


def test_a_problem_that_does_not_fit_is_the_users_error(evaluator_for):
    source = HEAD + (
        "class Model(nn.Module):\n    def forward(self, x): return (x.expand(1 << 24) + 1).sum()\n"
        "def get_inputs(): return [torch.randn(1)]\ndef get_init_inputs(): return []\n"
    )
    with pytest.raises(UserError, match=r"own Model fails in a worker: .*memory"):
        evaluator_for(source, variants=0, memory_bytes=32 << 20).baselines()


def test_a_baseline_that_does_not_come_back_is_not_blamed_on_the_candidate(evaluator_for, monkeypatch):
    evaluator = evaluator_for(NORM_SOFTMAX)
    evaluator.baselines()
    monkeypatch.setattr(evaluator._baselines, "_start", lambda name: None)
    evaluator._baselines._seats["eager"].close()
    with pytest.raises(UserError, match="baseline eager died and does not start again"):
        evaluator.judge(candidate_of("return super().forward(x)"), {}, Effort.SCREEN)


def test_the_terminals_interrupt_does_not_reach_workers(evaluator_for):
    evaluator = evaluator_for(NORM_SOFTMAX)
    evaluator.baselines()
    assert os.getpgid(evaluator._isolation._zygote.pid) != os.getpgid(0)
