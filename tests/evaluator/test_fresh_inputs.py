"""Every timed call has secret inputs of its own and is checked in full: quickly when near eager, else against truth."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace

import pytest
import torch
from evaluator_samples import NORM_SOFTMAX, QUICK, candidate_of

from egg_search.core.errors import TooLarge
from egg_search.core.problem import Problem
from egg_search.core.verdict import Errors, Outcome, PrecisionClass
from evaluator.baselines.baselines import Baselines
from evaluator.correctness.cases import CaseBook
from evaluator.correctness.checks import EXACT
from evaluator.correctness.families import FAMILIES
from evaluator.device.base import Call
from evaluator.device.cpu import CpuDevice
from evaluator.gate import Gate
from evaluator.settings import Effort, TimingRule
from evaluator.worker.models import ModelSpec

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\ndef get_init_inputs(): return []\n"


def _problem(forward: str, *shapes: tuple[int, ...]) -> str:
    inputs, names = ", ".join(f"torch.randn{shape}" for shape in shapes), "xyz"[: len(shapes)]
    return (
        f"{HEAD}def get_inputs(): return [{inputs}]\nclass Model(nn.Module):\n"
        f"    def forward(self, {', '.join(names)}): return {forward}\n"
    )


# A problem and the same thing in another order of operations.
HONEST = {
    "layer norm": (
        _problem("F.layer_norm(x, x.shape[-1:])", (32, 300)),
        "c = x - x.mean(-1, keepdim=True); return c * torch.rsqrt((c * c).mean(-1, keepdim=True) + 1e-5)",
    ),
    "softmax": (
        _problem("torch.softmax(x, -1)", (32, 300)),
        "e = torch.exp2((x - x.amax(-1, keepdim=True)) * 1.4426950408889634); return e / e.sum(-1, keepdim=True)",
    ),
    "matmul chain": (
        _problem("torch.tanh(x @ x.t()) @ x", (48, 160)),
        "p = sum(a @ a.t() for a in x.split(32, 1)).tanh()\n"
        "return sum(a @ b for a, b in zip(p.split(16, 1), x.split(16)))",
    ),
    "scalar loss": (
        _problem("(x * x.cos()).square().sum()", (200, 90)),
        "y = x * x.cos(); return (y * y).sum(0).flip(0).sum()",
    ),
    "sum that cancels": (_problem("x.sum()", (200, 90)), "return x.sum(0).flip(0).sum()"),
    "cumsum": (
        _problem("torch.cumsum(x, -1)", (24, 256)),
        "b = x.reshape(x.shape[0], 16, -1).cumsum(-1); t = b[..., -1].cumsum(-1) - b[..., -1]\n"
        "return (b + t[..., None]).reshape(x.shape)",
    ),
}
_DOUBTS = {"sum that cancels": 10}  # where the sum is close to zero by chance


@pytest.fixture
def book_of():
    def make(source: str, **settings) -> CaseBook:
        return CaseBook(Problem("a problem", source), replace(QUICK, variants=0, **settings))

    return make


def _candidate(source: str, body: str) -> torch.nn.Module:
    namespace: dict[str, object] = {}
    exec(candidate_of(body, problem=source).source, namespace)
    return namespace["ModelNew"]()


def _outputs(model: torch.nn.Module, arguments: list) -> list[torch.Tensor]:
    with torch.no_grad():
        return [model(*arguments)]


@pytest.mark.parametrize("name", HONEST)
def test_other_rounding_needs_no_full_check(book_of, name):
    source, body = HONEST[name]
    book, model = book_of(source), _candidate(source, body)
    doubts, shown = 0, EXACT
    for case in islice(book.fresh(), 60):
        doubts += case.decider(_outputs(model, case.arguments), shown) is not None
    assert doubts <= _DOUBTS.get(name, 0)


@pytest.mark.parametrize("name", ["layer norm", "matmul chain"])
def test_a_whole_judgement_of_other_rounding_needs_no_full_check(evaluator_for, name):
    source, body = HONEST[name]
    verdict = evaluator_for(source, variants=0).judge(candidate_of(body, problem=source), {}, Effort.FULL)
    assert verdict.ok, verdict.reason
    assert verdict.errors.precision is PrecisionClass.FAITHFUL and verdict.resources["full_checks"] == 0


@pytest.mark.parametrize("name", HONEST)
def test_what_is_near_is_hardly_looser_than_truth(book_of, name):
    book = book_of(HONEST[name][0])
    ratios = {each: [] for each in list(PrecisionClass)[:3]}
    for case in islice(book.fresh(), 12):
        [nearness], [eager], [check] = case.nearness, case.eager, case.truth().checks
        for precision, limit in check.limits.rows.items():
            ratios[precision].append((nearness.rows[precision] * eager.scale / limit).flatten())
    for precision, found in ratios.items():
        together = torch.cat(found)
        assert together.quantile(0.75) <= 2 and together.max() <= 12, (precision, together.max())


def test_one_wrong_element_and_nan_are_doubted(book_of):
    book = book_of(NORM_SOFTMAX)
    for case, value in zip(book.fresh(), (float("nan"), float("inf"), -1.0, 0.5), strict=False):
        [right] = [each.value for each in case.eager]
        wrong = right.clone()
        wrong[7, 9] = value
        assert case.decider([right], EXACT) is None
        [finding] = case.decider([wrong], EXACT).check([wrong])
        assert finding.outcome is Outcome.WRONG_VALUES and "element (7, 9)" in finding.reason


def test_half_precision_is_near_only_for_a_candidate_that_has_shown_it(book_of):
    case = next(book_of(NORM_SOFTMAX).fresh())
    rounded = [each.value.half().float() for each in case.eager]
    half = Errors(2e-4, 4e-4, 1e3, 1e-7, PrecisionClass.HALF)
    assert case.decider(rounded, EXACT) is not None
    assert case.decider(rounded, half) is None
    assert case.decider([each * 1.004 for each in rounded], half) is not None  # 20 times what it has shown


def test_values_that_are_not_finite_must_be_the_same(book_of):
    source = _problem("torch.where(x > 2, x.new_tensor(float('nan')), torch.where(x < -2, x / 0, x))", (20, 40))
    case = next(book_of(source).fresh())
    [right] = [each.value for each in case.eager]
    assert not case.eager[0].finite and case.decider([right.clone()], EXACT) is None
    for other in (right.nan_to_num(nan=0.0), right.nan_to_num(neginf=float("nan")), right * (1 + 1e-4)):
        assert case.decider([other], EXACT) is not None


def test_narrow_and_wide_types_are_compared(book_of):
    for dtype in ("half", "bfloat16", "double"):
        case = next(book_of(_problem(f"torch.tanh(x).{dtype}()", (20, 40))).fresh())
        [right] = [each.value for each in case.eager]
        wrong = right.clone()
        wrong[3, 3] += 0.5
        assert case.decider([right], EXACT) is None and case.decider([wrong], EXACT) is not None


def test_truth_resolves_what_eager_ties(evaluator_for):
    """Which of two equal sums is larger depends on rounding: truth's answer is right, though seldom eager's."""
    source = _problem("torch.stack([x.sum(-1), x.flip(-1).sum(-1)]).argmax(0)", (6, 500))
    body = "x = x.double(); return torch.stack([x.sum(-1), x.flip(-1).sum(-1)]).argmax(0)"
    verdict = evaluator_for(source, variants=0).judge(candidate_of(body, problem=source), {}, Effort.SCREEN)
    assert verdict.ok, verdict.reason
    assert verdict.resources["full_checks"] > 0


COUNTED = "self.n = getattr(self, 'n', 0) + 1\ny = super().forward(x)\n"


@pytest.mark.parametrize(
    ("late", "reason"),
    [
        ("y = y.half().float() if self.n > 20 else y", r"precision class .* faithful is wanted .*: element \("),
        ("old, self.old = getattr(self, 'old', y), y\ny = old if self.n == 21 else y", r"output 0: element \("),
        ("y[40, 7] += 1e-3 * (self.n == 21)", r"element \(40, 7\)"),
        ("y = y.roll(1, 0) if self.n == 21 else y", r"output 0: element \("),
    ],
)
def test_faults_in_late_calls_are_refused(evaluator_for, monkeypatch, late, reason):
    monkeypatch.setattr("evaluator.baselines.baselines._MAX_WARM", 0)  # call 21 is a timed one
    long = TimingRule(min_rounds=12, max_rounds=12, seconds=9.0, width=0.0)
    evaluator = evaluator_for(NORM_SOFTMAX, accept=PrecisionClass.FAITHFUL, full=long)
    verdict = evaluator.judge(candidate_of(f"{COUNTED}{late}\nreturn y"), {}, Effort.FULL)
    assert verdict.outcome is Outcome.WRONG_VALUES, verdict
    assert "own inputs" in verdict.reason
    assert re.search(reason, verdict.reason), verdict.reason


def test_half_precision_in_late_calls_makes_a_candidate_of_that_class(judge, monkeypatch):
    monkeypatch.setattr("evaluator.baselines.baselines._MAX_WARM", 0)
    forward = f"{COUNTED}return y.bfloat16().float() if self.n > 20 else y"
    verdict = judge.judge(candidate_of(forward), {}, Effort.FULL)
    assert verdict.ok and verdict.errors.precision is not PrecisionClass.FAITHFUL and verdict.errors.norm > 1e-4
    assert 0 < verdict.resources["full_checks"] < 6  # once shown, the class is expected


@pytest.mark.parametrize("effort", Effort)
def test_no_inputs_come_twice(evaluator_for, monkeypatch, effort):
    """A cache by content has nothing to gain: the one repetition is the search for nondeterminism."""
    monkeypatch.setattr("evaluator.baselines.baselines._MAX_WARM", 0)  # untimed calls go over old inputs
    forward = """
        key = hash(x.numpy().tobytes())
        REPEATED.extend([key] if key in SEEN else [])
        SEEN.add(key)
        if len(REPEATED) > ALLOWED:
            raise RuntimeError(f"inputs seen before: call {len(SEEN)}")
        return super().forward(x)
    """
    before = f"SEEN, REPEATED, ALLOWED = set(), [], {int(effort is not Effort.SCREEN)}"
    evaluator = evaluator_for(NORM_SOFTMAX)
    for _ in range(2):
        verdict = evaluator.judge(candidate_of(forward, before), {}, effort)
        assert verdict.ok, verdict.reason


def test_sets_are_kept_within_their_bytes_and_never_repeat(book_of):
    size = next(book_of(NORM_SOFTMAX).fresh()).bytes
    book = book_of(NORM_SOFTMAX, reference_bytes=2 * (10 * size))
    book.prepare()
    assert len(book._fresh._kept) == 10 == book._fresh._bytes // size
    for _ in range(2):
        drawn = [case.arguments[0] for case in islice(book.fresh(), 25)]
        assert len({each.numpy().tobytes() for each in drawn}) == 25
        assert len(book._fresh._kept) == 10
    old = list(islice(book.fresh(), 10))
    assert set(map(id, old)) == set(map(id, book._fresh._kept))  # those of earlier judgements are used first
    book.renew()
    assert not set(map(id, islice(book.fresh(), 10))) & set(map(id, old))


def test_cases_with_truth_are_kept_within_their_bytes(book_of):
    book = book_of(NORM_SOFTMAX, reference_bytes=2 * 4 * book_of(NORM_SOFTMAX).first.bytes)
    book.prepare()
    assert book._bytes <= 4 * book.first.bytes
    assert all(case is again for case, again in zip(book.screening(), book.screening(), strict=True))


class _Seat:
    """A worker that runs the model here; compiled, it computes 1.5 times that."""

    def __init__(self, reference) -> None:
        self._reference, self.open = reference, True

    def load(self, number, spec, state, timeout) -> None:
        self._factor = 1.5 if spec.compiled else 1.0

    def call(self, number, arguments, timeout, warm=0) -> Call:
        return Call(1e-3, [each * self._factor for each in _outputs(self._reference._model, arguments)])

    def close(self) -> None:
        self.open = False


def test_a_compiled_baseline_that_computes_something_else_is_none(book_of):
    book, seats = book_of(NORM_SOFTMAX), []
    device = SimpleNamespace(
        quantile=0.1,
        beside=CpuDevice.beside,
        variants=CpuDevice.variants,
        open=lambda *_: seats.append(_Seat(book.references[0])) or seats[-1],
    )
    spec, settings = ModelSpec(NORM_SOFTMAX, "Model"), replace(QUICK, torch_compile=True)
    baselines = Baselines(book, spec, device, 1 << 30, {}, None, Gate(None), settings)
    baselines.start()
    assert "computes something else than eager: element (" in baselines.failures["compile"]
    assert [seat.open for seat in seats] == [True, False]


def test_a_machine_that_keeps_us_waiting_leaves_no_family_out(book_of):
    slow = _problem("time.sleep(0.02) or x * 2", (8, 20)).replace("import torch\n", "import time, torch\n", 1)
    book = book_of(slow, reference_seconds=0.2)
    assert len(book.own()) == 3 and {case.name for case in book.families()} == set(FAMILIES)


def test_no_case_is_made_to_find_out_how_long_a_call_takes(book_of):
    book = book_of(NORM_SOFTMAX)
    assert book.eager_seconds == book.first.seconds and len(book._cases) == 1


def test_fresh_inputs_end_where_there_is_no_room(book_of, monkeypatch):
    book = book_of(NORM_SOFTMAX)
    book.prepare()
    kept = len(book._fresh._kept)

    def crowded(arguments):
        raise TooLarge("no room")

    monkeypatch.setattr(book.references[0], "eager", crowded)
    assert len(list(book.fresh())) == kept > 0


def test_cases_that_find_no_room_take_that_of_others(book_of, monkeypatch):
    book, asked = book_of(NORM_SOFTMAX), []
    book.own()
    made = book.references[0].case

    def crowded(seed, family=None):
        asked.append(family)
        if len(asked) < 2:
            raise TooLarge("no room")
        return made(seed, family)

    monkeypatch.setattr(book.references[0], "case", crowded)
    assert next(book.families()).name == asked[0] == asked[1] and len(book._cases) == 2  # the first, and this one


def test_what_is_not_kept_is_made_for_those_that_do_not_lose(book_of):
    book = book_of(NORM_SOFTMAX, reference_bytes=2 * 5 * book_of(NORM_SOFTMAX).first.bytes)
    every = [case.name for case in book.families(kept=True)]  # nothing is prepared: all count as kept
    book.prepare()
    kept, rest = ([case.name for case in book.families(kept=which)] for which in (True, False))
    assert 0 < len(kept) < len(every) and kept + rest == every == [case.name for case in book.families()]


def test_a_worker_is_shown_no_set_twice(book_of):
    book, seen = book_of(NORM_SOFTMAX), set[int]()
    first, second = (list(islice(book.fresh(seen), 40)) for _ in range(2))
    assert len(seen) == 80 == len({case.seed for case in first + second})
    assert book.fresh_cost(1, set()) == 0 < book.fresh_cost(1, seen)
