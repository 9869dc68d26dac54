"""What a call leaves beside its outputs' values: arguments, buffers, and the structure of what it returns."""

from __future__ import annotations

import re
from collections import OrderedDict, namedtuple
from types import MappingProxyType

import pytest
import torch
from evaluator_samples import candidate_of

from egg_search.core.verdict import Outcome, PrecisionClass
from evaluator.protocol.structure import structure_of
from evaluator.settings import Effort

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\nfrom collections import *\n"


def _problem(forward: str, buffers: str = "") -> str:
    return (
        f"{HEAD}class Model(nn.Module):\n"
        f"    def __init__(self):\n        super().__init__()\n        {buffers or 'pass'}\n"
        f"    def forward(self, x):\n        {forward}\n"
        "def get_inputs(): return [torch.randn(24, 40)]\ndef get_init_inputs(): return []\n"
    )


def _verdict(evaluator_for, problem, forward, effort=Effort.SCREEN, before="", **settings):
    return evaluator_for(problem, variants=0, **settings).judge(candidate_of(forward, before, problem), {}, effort)


STEP = (
    HEAD
    + "class Model(nn.Module):\n    def forward(self, x, g, m):\n        m.mul_(0.9).add_(g)\n        return x - m\n"
    "def get_inputs(): return [torch.randn(24, 40) for _ in range(3)]\ndef get_init_inputs(): return []\n"
)
LEFT_ARGUMENTS = {
    "m.copy_(m * 0.9 + g); return x - m": None,
    "torch.add(g, m, alpha=0.9, out=m); return x - m": None,
    "return x - (0.9 * m + g)": r"input 2 after forward: element \(",
    "y = super().forward(x, g, m); m.zero_(); return y": r"input 2 after forward: element \(",
    "y = super().forward(x, g, m); m.copy_(m.half()); return y": "input 2 after forward: precision class",
    "y = super().forward(x, g, m); g.mul_(0.5); return y": "changes its input 1, the Model does not",
    "self.n = getattr(self, 'n', 0) + 1; y = super().forward(x, g, m); m[3, 4] += self.n > 25; return y": (
        r"own inputs: input 2 after forward: .*element \(3, 4\)"
    ),
}


@pytest.mark.parametrize("forward", LEFT_ARGUMENTS)
def test_arguments_that_the_model_changes_are_results(evaluator_for, monkeypatch, forward):
    monkeypatch.setattr("evaluator.baselines.baselines._MAX_WARM", 0)  # call 25 is a timed one
    reason, candidate = LEFT_ARGUMENTS[forward], candidate_of(forward, problem=STEP)
    source = candidate.source.replace("    def forward(self, x):", "    def forward(self, x, g, m):")
    evaluator = evaluator_for(STEP, variants=0, accept=PrecisionClass.FAITHFUL)
    verdict = evaluator.judge(type(candidate)(source, candidate.dialect), {}, Effort.FULL)
    assert verdict.ok is (reason is None), verdict.reason
    if reason:
        assert verdict.outcome is Outcome.WRONG_VALUES and re.search(reason, verdict.reason), verdict.reason
    else:
        assert verdict.resources["full_checks"] == 0


Pair = namedtuple("Pair", "first second")
T = torch.zeros(1)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (T, "tensor"),
        (torch.nn.Parameter(T), "tensor"),
        ([T], "[tensor]"),
        ((T,), "(tensor,)"),
        (Pair(T, None), "(tensor, None,)"),
        (torch.ones(2, 2).max(1), "(tensor, tensor,)"),
        (OrderedDict(a=T, b=[3, "text"]), "{'a': tensor, 'b': [*, *]}"),
        (MappingProxyType({1: T, object(): ()}), "{1: tensor, *: ()}"),
    ],
)
def test_structures(result, text):
    assert structure_of(result) == text
    assert structure_of([result] * 5000) == structure_of([result] * 5000)
    assert len(structure_of([result] * 5000)) <= 4000


@pytest.mark.parametrize(
    ("model", "forward", "reason"),
    [
        ("return x + 1", "return [x + 1]", r"forward returns \[tensor\], expected tensor"),
        ("return x + 1", "return {'PASS': x + 1}", r"returns \{'PASS': tensor\}, expected tensor"),
        ("return x + 1, None", "return x + 1", r"returns tensor, expected \(tensor, None,\)"),
        ("return {'a': x + 1}", "return {'b': x + 1}", "expected {'a': tensor}"),
        ("return [x + 1, x]", "return [[x + 1, x]]", "expected"),
        ("return x.max(1)", "return tuple(x.max(1))", None),
        ("return {'a': x + 1}", "return OrderedDict(a=x + 1)", None),
        ("return namedtuple('P', 'a b')(x + 1, None)", "return x + 1, None", None),
        ("return x + 1, 3", "return x + 1, 'three'", None),
    ],
)
def test_the_structure_of_a_result_counts(evaluator_for, model, forward, reason):
    verdict = _verdict(evaluator_for, _problem(model), forward)
    assert verdict.ok is (reason is None), verdict.reason
    if reason:
        assert verdict.outcome is Outcome.WRONG_FORM and re.search(reason, verdict.reason), verdict.reason


NORM = _problem("return self.norm(x)", "self.norm = nn.BatchNorm1d(40)")
PLAIN = "F.batch_norm(x, None, None, self.norm.weight, self.norm.bias, training=True)"
RING = _problem(
    "self.at.copy_((self.at + 1) % 3); self.sign.neg_(); self.sums.add_(x.sum(0)); return x * 2",
    "self.register_buffer('at', torch.tensor(0)); self.register_buffer('sign', torch.ones(3)); "
    "self.register_buffer('sums', torch.zeros(40))",
)
BUFFERS = {
    "every call": (NORM, "return super().forward(x)", None),
    "the first call only": (
        NORM,
        f"self.n = getattr(self, 'n', 0) + 1\nreturn super().forward(x) if self.n == 1 else {PLAIN}",
        "buffer norm.running_mean is as the first of .* calls left it",
    ),
    "statistics, but no count": (
        NORM,
        "y = super().forward(x); self.norm.num_batches_tracked.fill_(1); return y",
        r"buffer norm.num_batches_tracked after \d+ calls: 1, expected \d+",
    ),
    "half precision": (
        NORM,
        "y = super().forward(x); self.norm.running_var.copy_(self.norm.running_var.half()); return y",
        "buffer norm.running_var after forward: precision class",
    ),
    "another dtype": (NORM, "y = super().forward(x); self.norm.double(); return y.float()", "another shape or dtype"),
    "what comes round again": (RING, "return super().forward(x)", None),
    "sums of the first call only": (
        RING,
        "self.n = getattr(self, 'n', 0) + 1\nreturn super().forward(x) if self.n == 1 else x * 2",
        "buffer sums is as the first",
    ),
}


@pytest.mark.parametrize("name", BUFFERS)
def test_buffers_after_every_call(evaluator_for, name):
    problem, forward, reason = BUFFERS[name]
    verdict = _verdict(evaluator_for, problem, forward, accept=PrecisionClass.FAITHFUL)
    assert verdict.ok is (reason is None), verdict.reason
    assert reason is None or re.search(reason, verdict.reason), verdict.reason
