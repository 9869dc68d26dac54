"""A seat on a GPU, with a worker and a bench that need none."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest
import torch

from egg_search.core.verdict import Outcome
from evaluator.baselines.baselines import warm_calls
from evaluator.device.base import Rights
from evaluator.device.cuda import CudaDevice
from evaluator.device.cuda_after import After, Tenant
from evaluator.device.cuda_hold import hold_seconds
from evaluator.device.cuda_memory import DeviceMemoryError
from evaluator.device.cuda_room import Room
from evaluator.device.cuda_seat import CudaSeat
from evaluator.protocol.records import Reply, Status

NONCE = b"\0" * 16


class Bench:
    """Holds "the device" for twice as long as it says: as a worker's own kernels could."""

    def __init__(self) -> None:
        self.launches: list[float] = []
        self.followed: list[int] = []
        self.before = 0.0

    def hold(self, launch: float = 0.0) -> float:
        self.launches.append(launch)
        self._until = time.perf_counter() + 2 * hold_seconds(launch)
        return hold_seconds(launch) - hold_seconds()

    def follow(self, size: int) -> None:
        self.followed.append(size)

    def seen(self) -> float:
        return 3e-4

    def copy_seconds(self, size: int) -> float:
        return 2 * size / 4e12

    def keep(self, size: int) -> None:
        time.sleep(max(0.0, self._until - time.perf_counter()))

    def early(self) -> float:
        return self.before

    def write(self, placed) -> None: ...
    def settle(self, patience: float) -> float:
        return 0.0


def seat_on(bench: Bench) -> CudaSeat:
    reply = Reply(NONCE, Status.DONE, 0.0, "", (), 0.0)

    def go(timeout, own_seconds, meanwhile):
        if meanwhile:
            meanwhile()
        return reply

    worker = SimpleNamespace(go=go, pause=lambda: None)
    return CudaSeat(Tenant(worker, "key"), bench, After(lambda: 1 << 40), device_bytes=1 << 30)


def test_only_the_nominal_seconds_of_a_longer_hold_are_taken_off():
    bench = Bench()
    seconds, _, _ = seat_on(bench)._timed(None, 0, 1.0, launch=8e-4)
    nominal, usual = hold_seconds(8e-4), hold_seconds()
    assert bench.launches == [8e-4]
    assert seconds >= 2 * nominal - (nominal - usual) - 1e-5
    assert seconds < 2 * nominal - (nominal - usual) + 0.05


def test_a_turn_before_the_worker_went_on_is_part_of_the_call():
    bench = Bench()
    bench.before = 0.5
    assert seat_on(bench)._timed(None, 0, 1.0)[0] >= 0.5


@pytest.mark.parametrize(
    ("size", "brief", "followed"), [(1 << 20, True, True), (1 << 20, False, False), (1 << 28, True, False)]
)
def test_only_brief_calls_whose_outputs_are_few_are_seen_on_the_device(size, brief, followed):
    bench = Bench()
    _, seen, _ = seat_on(bench)._timed(None, size, 1.0, brief=brief)
    assert bench.followed == [size] * followed and seen == 3e-4 * followed


def test_what_is_not_seen_several_times_is_watched_now_and_then():
    """A model that waits for the device in its forward goes to and fro for it, which takes time."""
    seat, small = seat_on(Bench()), 1 << 20
    seat._said[3] = 30e-6, 20e-6
    watched = []
    for _ in range(20):
        brief = seat._is_brief(3, small, small)
        watched.append(brief)
        seat._unseen[3] = seat._unseen.get(3, 0) + (brief or seat._gave_up(3))
    assert watched == [True] * 3 + [False] * 5 + [True] + [False] * 7 + [True] + [False] * 3
    seat._unseen[3] = 0
    assert seat._is_brief(3, small, small)


def test_calls_are_watched_that_fit_in_a_turn_and_are_launched_during_the_hold():
    seat, small = seat_on(Bench()), 1 << 20
    seat._said = {4: (9e-4, 20e-6), 5: (9e-4, 9e-4)}
    assert seat._is_brief(4, small, small) and not seat._is_brief(4, 4 << 30, small)
    assert seat._is_brief(4, small, 3 << 30) and not seat._is_brief(4, small, 4 << 30)  # whose writing is a turn
    assert not seat._is_brief(5, small, small) and not seat._is_brief(6, small, small)  # many launches; nothing known


def test_room_is_as_large_as_those_need_that_are_there():
    room = Room(create=lambda size: SimpleNamespace(size=size))
    assert room.make(1 << 20, "baseline") and not room.make(1 << 10, "candidate")
    assert room.make(40 << 30, "candidate") and room.region.size == 40 << 30
    assert room.leave("candidate") and room.region.size == 1 << 20


def test_room_that_others_need_stays():
    room = Room(create=lambda size: SimpleNamespace(size=size))
    room.make(8 << 30, "baseline")
    room.make(8 << 30, "candidate")
    before = room.region
    assert not room.leave("candidate") and room.region is before
    room.make(64 << 20, "another")
    assert room.leave("baseline") and room.region.size == 64 << 20


def test_a_worker_that_ends_is_killed_at_once_and_waited_for_later():
    told, gone = [], threading.Event()
    worker = SimpleNamespace(kill=lambda: told.append("killed"), close=lambda: gone.wait(20) and told.append("closed"))
    after = After(lambda: 1 << 40)
    after.end(worker)
    assert told == ["killed"]
    gone.set()
    after.wait()
    assert told == ["killed", "closed"]
    after.wait()
    after.close()


def test_a_worker_that_judged_before_may_unpack_what_another_build_left():
    """Extracting files attempts what a locked worker is denied."""
    seat, told = seat_on(Bench()), []
    for name in ("unlock", "resume"):
        setattr(seat._worker, name, lambda name=name: told.append(name))
    seat._send, seat._setup = (lambda op, *_, **__: told.append(op.name)), object()
    seat._set_up()
    assert told == ["unlock", "resume", "SETUP"] and seat._setup is None


def test_a_worker_that_gives_no_memory_back_ends():
    told = []
    worker = SimpleNamespace(
        closed=False,
        resume=lambda: None,
        pause=lambda: None,
        request=lambda *_: Reply(NONCE, Status.READY, 0.0, "", (), 0.0),
        kill=lambda: told.append("killed"),
        close=lambda: None,
    )
    free = [119 << 30, 100 << 30]
    after = After(lambda: free.pop(0))
    after.leave(Tenant(worker, "key", free=120 << 30), keep=True)
    kept = after.again("key")
    assert kept.held == 1 << 30 and not told
    after.leave(kept, keep=True)  # with what it holds since before
    assert after.again("key") is None and told == ["killed"]
    after.close()


def test_a_worker_that_was_kept_goes_to_its_own_program_and_only_where_it_may():
    spare = SimpleNamespace(kill=lambda: None, close=lambda: None)
    device = object.__new__(CudaDevice)
    device._bench, device._after, device._memory_bytes = Bench(), After(lambda: 1 << 40), 1 << 30
    device._spares = SimpleNamespace(take=lambda *_: spare)
    kept = SimpleNamespace(kill=lambda: None, close=lambda: None)

    def opened(program, again):
        device._after._kept = Tenant(kept, ("mine", 1 << 20, ()), {7})
        return device.open(1 << 20, {}, Rights(program=program, again=again))

    seat = opened("mine", True)
    assert seat._worker is kept and seat.again and seat.seen == {7}
    for program, again in (("mine", False), ("another", True)):
        seat = opened(program, again)
        assert seat._worker is spare and not seat.again and not seat.seen and device._after._kept is None
    device._after.close()


def test_memory_that_is_slow_to_be_free_is_waited_for():
    free = iter([1 << 30, 1 << 30, 120 << 30])
    after = After(lambda: next(free))
    hog = Tenant(SimpleNamespace(kill=lambda: None, close=lambda: None), "a hog", free=120 << 30)
    after.leave(hog, took_much=True)
    after.wait()
    assert next(free, None) is None
    after.close()


def test_a_model_is_given_more_room_once():
    seat, told = seat_on(Bench()), []
    seat._worker.fail = lambda outcome, reason: told.append(outcome)
    seat._worker.resume = lambda: None
    seat._make_room = lambda size: setattr(seat._bench, "room", SimpleNamespace(size=size))
    seat._bench.room = SimpleNamespace(size=1 << 20)
    seat._grow(0, 2 << 20)
    assert not told
    seat._grow(0, 3 << 20)  # a worker that says ever more would have the verifier ask ever again
    assert told == [Outcome.OUT_OF_MEMORY]


def test_what_torch_tells_of_full_memory_is_cut_short():
    told = []
    seat = seat_on(Bench())
    seat._worker.fail = lambda outcome, reason: told.append((outcome, reason))
    processes = " ".join(f"Process {number} has 612.00 MiB memory in use." for number in range(40))
    seat._full(torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate 256.00 MiB. {processes}"))
    ((outcome, reason),) = told
    assert outcome is Outcome.OUT_OF_MEMORY and "256.00 MiB" in reason and len(reason) < 250


def test_a_worker_that_fails_at_its_end_troubles_nobody_else():
    def close():
        raise ConnectionError("there is no zygote")

    after = After(lambda: 1 << 40)
    after.end(SimpleNamespace(kill=lambda: None, close=close))
    after.wait()
    after.wait()
    after.close()


def test_room_stays_as_it_is_where_a_smaller_one_finds_no_memory():
    def create(size):
        if size < 1 << 30 and full:
            raise DeviceMemoryError("full")
        return SimpleNamespace(size=size)

    full = False
    room = Room(create=create)
    room.make(1 << 20, "baseline")
    room.make(8 << 30, "candidate")
    full = True
    assert not room.leave("candidate") and room.region.size == 8 << 30


def test_an_untimed_call_tells_what_launching_takes_unless_calls_are_very_long():
    seconds = (1e-4, 1e-3, 5e-3, 0.019, 0.1)
    assert [warm_calls(each, "cuda") for each in seconds] == [5, 2, 1, 1, 0]
    assert [warm_calls(each, "cpu") for each in seconds] == [5, 2, 0, 0, 0]
