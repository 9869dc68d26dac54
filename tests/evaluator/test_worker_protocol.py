"""Records, shared memory, and workers that break the rules."""

from __future__ import annotations

import os
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from egg_search.core.verdict import Outcome
from evaluator.isolation.base import Limits
from evaluator.isolation.failure import WorkerFailure
from evaluator.isolation.isolation import Isolation
from evaluator.protocol.memory import Region, layout_of, payload, tensors_of
from evaluator.protocol.records import (
    REPLY_BYTES,
    Op,
    ProtocolError,
    Status,
    describe,
    pack_reply,
    unpack_reply,
)
from evaluator.worker.models import ModelSpec

NONCE = bytes(range(16))


@pytest.fixture(scope="module", params=["every layer", "no layer"])
def isolation(request):
    made = Isolation(threads=1, layers=() if request.param == "no layer" else None)
    yield made
    made.close()


def test_reply_round_trip():
    tensor = torch.zeros(3, 4, dtype=torch.float16).t()
    reply = unpack_reply(pack_reply(NONCE, Status.DONE, 2.5, "text", [describe(tensor)]), NONCE)
    assert (reply.status, reply.number, reply.text) == (Status.DONE, 2.5, "text")
    assert reply.outputs == (describe(tensor),) and reply.outputs[0].strides == (1, 4) and reply.outputs[0].span == 12


@given(st.binary(max_size=REPLY_BYTES + 8))
def test_garbage_is_a_protocol_error(data):
    with pytest.raises(ProtocolError):
        unpack_reply(data, NONCE)


@given(st.binary(min_size=200, max_size=400))
def test_forged_fields_do_not_get_through(data):
    """Random bytes behind a right nonce: either a reply within all bounds or an error, nothing else."""
    try:
        reply = unpack_reply((NONCE + data).ljust(REPLY_BYTES, b"\xff"), NONCE)
    except ProtocolError:
        return
    assert all(output.span >= 0 for output in reply.outputs)


def test_layout_keeps_strides_and_places_apart():
    tree = [
        torch.arange(12.0).view(3, 4).t(),
        {"n": 5, "x": torch.ones(2, dtype=torch.int8)},
        torch.ones(1, 1).expand(4, 3),
    ]
    layout = layout_of(tree)
    region = Region.create(layout.size)
    views = layout.views(region)
    for view, tensor in zip(views, tensors_of(tree), strict=True):
        view.copy_(tensor)
    again = layout.fill(views)
    assert again[1]["n"] == 5 and again[0].stride() == (1, 4) and again[2].is_contiguous()
    assert all(torch.equal(a, b) for a, b in zip(tensors_of(again), tensors_of(tree), strict=True))
    assert all(place.offset % 64 == 0 for place in layout.placements)


def _load(worker, source: str, timeout: float = 5.0):
    fd = payload(ModelSpec(source, None))
    try:
        return worker.request(Op.LOAD, timeout, fds=[fd])
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("import os\nos.write(3, b'x' * 100)", Outcome.PROTOCOL),
        (f"import os\nos.write(3, b'y' * {REPLY_BYTES})", Outcome.PROTOCOL),
        ("import os\nos.close(3)", Outcome.CRASHED),
        ("import os, signal, time\nos.kill(os.getpid(), signal.SIGSTOP)", Outcome.TIMED_OUT),
        ("import time\nx = bytearray(1 << 29)\ntime.sleep(9)", Outcome.OUT_OF_MEMORY),
        ("import os\nos.kill(os.getpid(), 9)\nimport time\ntime.sleep(9)", Outcome.CRASHED),
        ("import os\nos.abort()", Outcome.CRASHED),
    ],
)
def test_misbehaviour_costs_one_process(isolation, source, outcome):
    worker = isolation.spawn(Limits(memory_bytes=450 << 20, file_bytes=0), {})
    before = time.monotonic()
    with pytest.raises(WorkerFailure) as caught:
        reply = _load(worker, source, timeout=1.0)
        assert reply.status is Status.NO_MEMORY  # refused by the address space limit before it was resident
        raise WorkerFailure(Outcome.OUT_OF_MEMORY, reply.text)
    assert caught.value.outcome is outcome
    assert time.monotonic() - before < 2.0
    worker.close()
    assert _load(isolation.spawn(Limits(1 << 30, 0), {}), "x = 1").status is Status.READY


def test_a_zygote_that_answers_too_late_is_none(monkeypatch):
    """Its answer would be taken for that to the first request."""
    isolation = Isolation(1)
    with monkeypatch.context() as patched:
        patched.setattr("evaluator.isolation.isolation._START_SECONDS", 0.01)
        isolation.start_early()
    assert _load(isolation.spawn(Limits(1 << 30, 0), {}), "x = 1").status is Status.READY
    isolation.close()


def test_workers_are_apart(isolation, monkeypatch):
    monkeypatch.setenv("EGG_SECRET", "key")
    worker = isolation.spawn(Limits(1 << 30, 1 << 20), {"EGG_BUILD_DIR": "/nowhere"})
    source = """
import os
assert os.environ["EGG_BUILD_DIR"] == "/nowhere" and "EGG_SECRET" not in os.environ
assert sorted(map(int, os.listdir("/proc/self/fd")))[:4] == [0, 1, 2, 3]
assert len(os.listdir("/proc/self/task")) == 1
with open(os.path.join(os.environ["TMPDIR"], "note"), "w") as file:
    file.write("")
"""
    reply = _load(worker, source)
    worker.close()
    assert reply.status is Status.READY, reply.text


def test_workers_start_fast(isolation):
    _load(isolation.spawn(Limits(1 << 30, 0), {}), "x = 1")
    seconds = []
    for _ in range(5):
        before = time.perf_counter()
        worker = isolation.spawn(Limits(1 << 30, 0), {})
        _load(worker, "x = 1")
        seconds.append(time.perf_counter() - before)
        worker.close()
    assert min(seconds) < 0.1
