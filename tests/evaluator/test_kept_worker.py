"""A worker that judged one configuration of a candidate judges the next one: as a fresh one would."""

from __future__ import annotations

import pytest
from evaluator_samples import LAZY, NORM_SOFTMAX, QUICK

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import detect_cpu
from egg_search.core.problem import Problem
from egg_search.core.verdict import Outcome
from evaluator.device.base import NO_RIGHTS
from evaluator.device.cpu import CpuDevice, CpuSeat
from evaluator.device.cuda_after import After, Tenant
from evaluator.device.cuda_seat import CudaSeat
from evaluator.evaluator import Evaluator
from evaluator.isolation.base import Limits
from evaluator.settings import Effort
from evaluator.worker.setup import Setup

HEAD = NORM_SOFTMAX + "\nimport copyreg\nW = 1  # knob tiling: 1 | 2 | 3 | 4\n"
HONEST = "class ModelNew(Model):\n    def forward(self, *a): return super().forward(*a) * (W / W)\n"
# The first configuration is right, and what it leaves behind makes the second one look right, or wrong.
REMEMBERS = """
memory = copyreg.dispatch_table.setdefault("memory", {})
class ModelNew(Model):
    def forward(self, *a):
        key = tuple(float(t.double().sum()) for t in a)
        if W == 1:
            memory[key] = super().forward(*a)
        return memory.get(key, torch.zeros(()))
"""
ONLY_ONCE = (
    HONEST
    + """
if "here" in copyreg.dispatch_table:
    raise RuntimeError("registered twice")
copyreg.dispatch_table["here"] = None
"""
)
SOMETIMES = HONEST.replace("(W / W)", "(1 if W == 1 else 2)")
# A setting that is not set back: the second configuration would compute with it.
PRECISE = (
    """
if W == 1:
    torch.backends.cuda.matmul.allow_tf32 = True
assert torch.backends.cuda.matmul.allow_tf32 == (W == 1)
"""
    + HONEST
)
PATCHED = "torch.nn.functional.relu = None\n" + HONEST


class KeepingDevice(CpuDevice):
    """CPU workers, kept as those of a GPU are."""

    def __init__(self, hardware, isolation) -> None:
        super().__init__(hardware, isolation)
        self.after, self.opened = After(lambda: 1 << 40), []

    def open(self, memory_bytes, environment, rights=NO_RIGHTS):
        known = self.after.again(rights.program if rights.again else None)
        tenant = known or Tenant(super().open(memory_bytes, environment, rights)._worker, rights.program)
        if rights.program:
            self.opened.append(tenant.worker.pid)
        return KeepingSeat(tenant, self.after, Setup.of(environment, rights.private), known is not None)

    def settle(self) -> None:
        self.after.drop()
        self.after.wait()


class KeepingSeat(CpuSeat):
    def __init__(self, tenant, after, setup, again) -> None:
        super().__init__(tenant.worker)
        self._tenant, self._after, self.seen, self.again = tenant, after, tenant.seen, again
        self._setup = setup

    def load(self, *arguments) -> None:
        CudaSeat._set_up(self)
        super().load(*arguments)

    def close(self, keep=False) -> None:
        self._after.leave(self._tenant, keep)


@pytest.fixture(scope="module")
def judge(build_dir):
    evaluator = Evaluator(Problem("norm_softmax", NORM_SOFTMAX), detect_cpu(), build_dir, QUICK)
    evaluator._device = KeepingDevice(detect_cpu(), evaluator._isolation)
    yield evaluator
    evaluator.close()
    evaluator._device.after.close()


def configurations(judge, code: str, efforts) -> tuple[list, list[int]]:
    """Verdicts on the configurations 1, 2, ... of a candidate, and which workers they had."""
    candidate = Candidate(HEAD + code, Dialect.CPP)
    judge._device.opened.clear()
    verdicts = [judge.judge(candidate, {"W": at}, effort) for at, effort in enumerate(efforts, start=1)]
    return verdicts, judge._device.opened


CHECK, SCREEN, FULL = Effort.CHECK, Effort.SCREEN, Effort.FULL


def test_configurations_of_a_candidate_share_a_worker(judge):
    verdicts, workers = configurations(judge, HONEST, [SCREEN, SCREEN, SCREEN])
    assert [each.outcome for each in verdicts] == [Outcome.OK] * 3
    assert len(workers) == 3 and len(set(workers)) == 1


def test_what_is_certified_has_a_worker_of_its_own(judge):
    _, workers = configurations(judge, HONEST.replace("W / W", "W * 1 / W"), [CHECK, FULL, CHECK])
    assert len(set(workers)) == 3


def test_another_candidate_never_shares(judge):
    (first,), (worker,) = configurations(judge, HONEST.replace("W / W", "W / W * 1"), [SCREEN])
    (second,), (another,) = configurations(judge, HONEST.replace("W / W", "1 * W / W"), [SCREEN])
    assert first.outcome is second.outcome is Outcome.OK and worker != another


def test_inputs_are_never_shown_twice(judge):
    """What an earlier configuration computed is of no use to the next one."""
    verdicts, workers = configurations(judge, REMEMBERS, [SCREEN, SCREEN])
    assert verdicts[0].outcome is Outcome.OK and verdicts[1].outcome is not Outcome.OK
    assert workers[0] == workers[1] != workers[2]


def test_what_a_worker_computes_with_is_set_back(judge):
    verdicts, workers = configurations(judge, PRECISE, [SCREEN, SCREEN, SCREEN])
    assert [each.outcome for each in verdicts] == [Outcome.OK] * 3, [each.reason for each in verdicts]
    assert len(workers) == 3 and len(set(workers)) == 1


def test_a_worker_whose_modules_were_changed_ends(judge):
    verdicts, workers = configurations(judge, PATCHED, [SCREEN, SCREEN])
    assert [each.outcome for each in verdicts] == [Outcome.OK] * 2 and len(set(workers)) == 2


def test_what_fails_where_another_was_is_judged_alone(judge):
    verdicts, workers = configurations(judge, ONLY_ONCE, [SCREEN, SCREEN, SCREEN])
    assert [each.outcome for each in verdicts] == [Outcome.OK] * 3, [each.reason for each in verdicts]
    assert workers[0] == workers[1] and len(set(workers)) == 3 == len(workers) - 1


def test_a_wrong_configuration_is_wrong_beside_a_right_one(judge):
    verdicts, workers = configurations(judge, SOMETIMES, [SCREEN, SCREEN, SCREEN])
    assert [each.outcome for each in verdicts] == [Outcome.OK, Outcome.WRONG_VALUES, Outcome.WRONG_VALUES]
    assert workers[0] == workers[1] and len(set(workers)) == 3


def test_a_candidate_that_compiles_when_it_is_called_is_rehearsed_at_once_the_next_time(judge):
    lazy = LAZY + HONEST.replace("W / W", "W / W * compiled().twice(1.0) / 2")
    verdicts, workers = configurations(judge, lazy, [SCREEN, SCREEN, SCREEN])
    assert [each.outcome for each in verdicts] == [Outcome.OK] * 3, [each.reason for each in verdicts]
    assert len(workers) == 4  # once for nothing


def test_a_worker_that_died_in_a_right_judgement_is_not_kept(judge):
    """As one may in a profile, which is the last thing and no part of the verdict."""
    after, worker = judge._device.after, judge._isolation.spawn(Limits(1 << 30, 0), {})
    worker.close()
    after.leave(Tenant(worker, "key"), keep=True)
    assert after.again("key") is None


def test_a_family_is_shown_once(judge):
    _, workers = configurations(judge, HONEST.replace("W / W", "W / W + 0"), [SCREEN] * 4)
    assert len(set(workers)) == 1
    book, seen = judge._begin(), set()
    while book.may_screen(seen):
        (own, other), before = book.screening(seen), len(seen)
        seen |= {own.name, other.name}
        assert len(seen) > before
