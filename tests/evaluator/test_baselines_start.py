"""How baselines start: beside each other where the device allows it, with workers that compute nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from evaluator_samples import QUICK

from egg_search.core.errors import TooLarge, UserError
from egg_search.core.verdict import Outcome
from evaluator.baselines.baselines import Baselines
from evaluator.device.base import Call, Rights
from evaluator.device.cpu import CpuDevice
from evaluator.device.cuda import CudaDevice
from evaluator.evaluator import Evaluator
from evaluator.gate import Gate
from evaluator.isolation.failure import WorkerFailure
from evaluator.worker.models import ModelSpec

EAGERS, COMPILED = ["eager", "eager_fp32", "eager_tf32"], ["compile", "compile_tf32"]
TUNED = ["max_autotune", "max_autotune_tf32"]
PATIENCE = 5.0


class Seat:
    """Results depend on whether TF32 is on, where `tf32` matters."""

    def __init__(self, device: Device) -> None:
        self.device, self.closed, self.name = device, False, ""

    def load(self, number, spec, state, timeout) -> None:
        self.spec, self.name = spec, name_of(spec)
        self.device.log.append(("load", self.name))
        if self.name in self.device.failing:
            raise WorkerFailure(Outcome.CRASHED, f"{self.name} crashes")
        if len([seat for seat in self.device.seats if not seat.closed]) > self.device.room:
            raise WorkerFailure(Outcome.OUT_OF_MEMORY, "no memory is left on the device")

    def load_beside(self, number, spec, state, timeout, arguments, call_timeout) -> None:
        self.load(number, spec, state, timeout)
        self.device.meeting(self.name).wait(PATIENCE)

    def call(self, number, arguments, timeout, warm=0) -> Call:
        assert not self.device.busy, "another worker is using the device"
        self.device.log.append(("call", self.name))
        rounded = self.spec.tf32 if self.spec.tf32 is not None else self.device.shipped
        return Call(1e-3, [torch.full((2,), float(self.device.tf32 and bool(rounded)))])

    def close(self) -> None:
        self.closed = True


def name_of(spec: ModelSpec) -> str:
    """The first that is so: eager as shipped is the only one without an opinion on TF32."""
    kind = "eager" if not spec.compiled else "compile" if spec.compiled == "default" else "max_autotune"
    suffix = "_tf32" if spec.tf32 else "_fp32" if spec.tf32 is False and kind == "eager" else ""
    return kind + suffix


class Device:
    beside, variants = CudaDevice.beside, CudaDevice.variants

    def __init__(self, tf32: bool, failing=(), together: list[list[str]] = (), room: int = 99, shipped=False) -> None:
        """`shipped`: eager has TF32 on, as for convolutions. Those of a list in `together` load only when all of it do.
        There is `room` for so many workers."""
        self.room, self.shipped = room, shipped
        self.tf32, self.failing, self.log, self.seats = tf32, failing, [], []
        self._meetings = {}
        for names in together:
            self._meetings |= dict.fromkeys(names, threading.Barrier(len(names)))

    def settle(self) -> None:
        pass

    def has_room(self, size) -> bool:
        return len([seat for seat in self.seats if not seat.closed]) + size <= self.room

    @property
    def busy(self) -> bool:
        return any(each.n_waiting for each in self._meetings.values())

    def meeting(self, name: str):
        return self._meetings.get(name) or threading.Barrier(1)

    def open(self, memory_bytes, environment, rights) -> Seat:
        self.seats.append(Seat(self))
        return self.seats[-1]


CASE = SimpleNamespace(arguments=[], changes={}, check_form=lambda outputs: None, check=lambda results: [])
BOOK = SimpleNamespace(shipped=lambda index: CASE, references=[SimpleNamespace(state={})])


def baselines_on(device, **settings) -> Baselines:
    asked = replace(QUICK, **{"torch_compile": True, **settings})
    spec = ModelSpec("", "Model")
    return Baselines(BOOK, spec, device, 1 << 30, {}, Rights(), Gate(None), asked)


def loads(device) -> list[str]:
    return [name for what, name in device.log if what == "load"]


def test_eagers_load_beside_each_other_and_what_is_compiled_after_their_calls():
    device = Device(tf32=True, together=[EAGERS, COMPILED])
    baselines = baselines_on(device)
    baselines.start()
    assert baselines.names == ["eager", "eager_tf32", *COMPILED]  # eager_fp32 computes what eager does
    assert set(loads(device)[:3]) == set(EAGERS) and set(loads(device)[3:]) == set(COMPILED)
    calls = [name for what, name in device.log if what == "call"]
    assert calls == [name for name in EAGERS + COMPILED for _ in range(3)]
    first_compiled = device.log.index(("load", loads(device)[3]))
    assert device.log.index(("call", "eager_tf32")) < first_compiled
    assert [seat.name for seat in device.seats if seat.closed] == ["eager_fp32"]


def test_what_eager_tells_is_not_started():
    device = Device(tf32=False)
    baselines = baselines_on(device, max_autotune=True)
    baselines.start()
    assert sorted(loads(device)) == sorted([*EAGERS, "compile", "max_autotune"])
    assert baselines.program("compile_tf32") == "compile" and baselines.program("max_autotune_tf32") == "max_autotune"


def test_what_chooses_by_times_has_the_device_for_itself_and_is_there_on_request():
    device = Device(tf32=True)
    baselines_on(device).start()
    assert not set(TUNED) & set(loads(device))
    device = Device(tf32=True)
    baselines_on(device, max_autotune=True).start()
    tuned = [each for each in device.log if each[1] in TUNED]
    assert tuned == [each for name in TUNED for each in [("load", name), *[("call", name)] * 3]]


def test_one_that_fails_is_recorded_and_the_others_go_on():
    device = Device(tf32=True, failing=("compile",))
    baselines = baselines_on(device)
    baselines.start()
    assert baselines.failures == {"compile": "compile crashes"}
    assert baselines.names == ["eager", "eager_tf32", "compile_tf32"]


def test_no_worker_is_left_where_eager_fails():
    device = Device(tf32=True, failing=("eager",))
    baselines = baselines_on(device)
    with pytest.raises(UserError, match="eager crashes"):
        baselines.start()
    baselines.close()
    assert len(device.seats) == len(EAGERS) and all(seat.closed for seat in device.seats)


def test_on_a_cpu_one_starts_after_the_other():
    device = Device(tf32=False)
    device.beside, device.variants = CpuDevice.beside, CpuDevice.variants
    baselines_on(device, max_autotune=True).start()
    names = ["eager", "compile", "max_autotune"]
    assert device.log == [each for name in names for each in [("load", name), *[("call", name)] * 3]]


def test_where_there_is_no_room_for_all_at_once_they_start_one_after_the_other():
    device = Device(tf32=True, room=4)
    baselines = baselines_on(device)
    baselines.start()
    assert baselines.names == ["eager", "eager_tf32", *COMPILED] and baselines.failures == {}
    device = Device(tf32=True, room=3)
    baselines = baselines_on(device)
    baselines.start()
    assert baselines.names == ["eager", "eager_tf32", "compile"]
    assert baselines.failures == {"compile_tf32": "no memory is left on the device"}


def test_a_variant_makes_room_for_the_second_eager_and_is_named():
    device = Device(tf32=True, room=4)
    baselines = baselines_on(device)
    baselines.start()
    baselines._start("eager twin")
    assert "left out" in baselines.failures["eager_tf32"]
    assert baselines.names == ["eager", *COMPILED, "eager twin"]
    alone = baselines_on(Device(tf32=True, room=1))
    with pytest.raises(UserError, match="no memory is left"):
        alone.start()
        alone._start("eager twin")


def test_compiled_convolutions_have_their_own_tf32():
    """Eager as shipped has it, so that eager_tf32 is eager: that does not tell that it makes no difference."""
    device = Device(tf32=True, shipped=True)
    baselines = baselines_on(device)
    baselines.start()
    assert baselines.names == ["eager", "eager_fp32", *COMPILED] and baselines.program("eager_tf32") == "eager"


@pytest.mark.parametrize(
    ("size", "left_out"), [(1, []), (2, ["eager_tf32"]), (3, ["eager_tf32", "compile"]), (9, ["eager_tf32", *COMPILED])]
)
def test_baselines_make_room_for_candidates(size, left_out):
    """One by one, until what eager's call takes is free or only eager is left."""
    baselines = baselines_on(Device(tf32=True, room=5))
    baselines.start()
    baselines.make_room(size)
    assert list(baselines.failures) == left_out
    assert baselines.names == [name for name in ("eager", "eager_tf32", *COMPILED) if name not in left_out]


@pytest.mark.parametrize("dies", ["eager", "eager twin", "compile"])
def test_what_dies_of_full_memory_while_all_are_timed_makes_room(dies, monkeypatch):
    """A variant is left out, and eager starts again."""
    baselines = baselines_on(Device(tf32=True, room=6))
    baselines.start()
    sessions = []

    def session(self):
        sessions.append(self.names)
        self._asked = dies
        if len(sessions) == 1:
            raise WorkerFailure(Outcome.OUT_OF_MEMORY, "no memory is left on the device")
        raise RuntimeError("timed")

    monkeypatch.setattr(Baselines, "_session", session)
    with pytest.raises(RuntimeError, match="timed"):
        baselines.calibrate()
    gone = dies if dies == "compile" else "eager_tf32"
    assert sorted(sessions[1]) == sorted(name for name in sessions[0] if name != gone)
    assert list(baselines.failures) == [gone]


def test_eager_that_dies_of_something_else_ends_it(monkeypatch):
    baselines = baselines_on(Device(tf32=True))
    baselines.start()

    def session(self):
        self._asked = "eager"
        raise WorkerFailure(Outcome.CRASHED, "it crashes")

    monkeypatch.setattr(Baselines, "_session", session)
    with pytest.raises(UserError, match="it crashes"):
        baselines.calibrate()


def test_a_problem_without_room_for_its_cases_is_too_large():
    def prepare():
        raise torch.OutOfMemoryError("CUDA out of memory.\nand more")

    with pytest.raises(TooLarge, match=r"^CUDA out of memory\.$"):
        Evaluator._prepare(SimpleNamespace(), SimpleNamespace(prepare=prepare))
