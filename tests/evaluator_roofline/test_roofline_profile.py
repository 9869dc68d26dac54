"""Kernels as text between processes: bounded, tolerant, and what a trace and compilers say."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from egg_search.core.hardware import detect_cpu, detect_cuda
from evaluator.device.cpu import CpuDevice
from evaluator.isolation.isolation import Isolation
from evaluator.protocol.records import TEXT_BYTES, Status, pack_reply, unpack_reply
from evaluator.roofline.profile import KernelProfile, encode, parse, short
from evaluator.worker.models import ModelSpec
from evaluator.worker.profile import compiled, from_trace, kernels_of, occupancy

whole = st.integers(0, 10**9)
three = st.tuples(whole, whole, whole)
kernels = st.builds(
    KernelProfile,
    name=st.text("abc_<>(), 0", min_size=1, max_size=200).map(short),
    microseconds=st.integers(0, 10**9).map(lambda nanoseconds: nanoseconds / 1000),
    launches=whole,
    grid=st.none() | three,
    block=st.none() | three,
    registers=st.none() | whole,
    shared_bytes=st.none() | whole,
    occupancy=st.none() | st.integers(0, 100).map(lambda percent: percent / 100),
    local_bytes=st.none() | whole,
)


@given(st.lists(kernels, min_size=1, max_size=12))
def test_what_fits_comes_through_longest_first(given_kernels):
    profile = parse(encode(given_kernels, TEXT_BYTES))
    assert sorted(profile.kernels, key=repr) == sorted(given_kernels, key=repr)
    times = [each.microseconds for each in profile.kernels]
    assert times == sorted(times, reverse=True)
    assert profile.microseconds == pytest.approx(sum(times), abs=0.01)
    assert profile.launches == sum(each.launches for each in given_kernels)


@given(st.lists(kernels, min_size=1, max_size=200), st.integers(100, TEXT_BYTES))
def test_what_does_not_fit_is_left_out_and_counted(given_kernels, most):
    text = encode(given_kernels, most)
    assert len(text.encode()) <= most
    profile = parse(text)
    if profile is not None:
        assert profile.launches == sum(each.launches for each in given_kernels)
        assert all(0 <= profile.share(each) <= 1 for each in profile.kernels)


@given(st.text() | st.lists(st.text("0123456789.xe+- k\n", max_size=60)).map("\n".join))
def test_any_text_is_bounded_records_or_nothing(text):
    for each in (text, "kernels 1.0 1\n" + text):
        profile = parse(each)
        if profile is not None:
            assert 0 < len(profile.kernels) <= 64 and 0 <= profile.microseconds < float("inf")
            assert all(len(kernel.name) <= 96 and kernel.name.isprintable() for kernel in profile.kernels)


def test_the_text_survives_the_protocol():
    text = encode([KernelProfile("rows_kernel", 12.5, 3, (4096, 1, 1), (128, 1, 1), 40, 1024, 0.5, 8)], TEXT_BYTES)
    reply = unpack_reply(pack_reply(bytes(16), Status.DONE, 0.25, text), bytes(16))
    assert parse(reply.text).kernels[0].grid == (4096, 1, 1)


def test_names_lose_their_templates_and_parameters():
    name = "void at::native::vectorized_elementwise_kernel<4, at::native::Op<float>, a<b<2>>>(int, float const*)\x1b[0m"
    assert short(name) == "at::native::vectorized_elementwise_kernel?[0m"
    assert short("<()>") == "?"


TRACE = {
    "traceEvents": [
        {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "dur": 5.0},
        {"ph": "M", "name": "process_name"},
        *(
            {
                "ph": "X",
                "cat": "kernel",
                "name": "rows",
                "dur": duration,
                "args": {
                    "grid": [4096, 1, 1],
                    "block": [128, 1, 1],
                    "registers per thread": 40,
                    "shared memory": 16,
                    "est. achieved occupancy %": 0,  # Kineto's, where there is much shared memory
                },
            }
            for duration in (10.0, 12.0)
        ),
        {"ph": "X", "cat": "gpu_memset", "name": "Memset (Device)", "dur": 1.5, "args": {"bytes": 4}},
    ]
}


H200 = SimpleNamespace(
    max_threads_per_multi_processor=2048,
    regs_per_multiprocessor=65536,
    shared_memory_per_multiprocessor=228 << 10,
    multi_processor_count=132,
)


def test_a_trace_gives_kernels_and_copies():
    rows, memset = from_trace(TRACE, H200)
    assert rows == KernelProfile("rows", 22.0, 2, (4096, 1, 1), (128, 1, 1), 40, 16, 0.75)
    assert from_trace(TRACE)[0].occupancy is None
    assert (memset.name, memset.microseconds, memset.grid) == ("Memset (Device)", 1.5, None)


@pytest.mark.parametrize(
    ("blocks", "threads", "registers", "shared", "share"),
    [
        (10_000, 256, 32, 0, 1.0),
        (10_000, 256, 255, 0, 8 / 64),  # one block has all registers
        (10_000, 256, 128, 196_640, 8 / 64),  # one has all shared memory
        (10_000, 32, 16, 0, 32 / 64),  # no more blocks than 32
        (132, 128, 16, 0, 4 / 64),  # one block each
    ],
)
def test_occupancy_is_what_registers_shared_memory_and_blocks_leave(blocks, threads, registers, shared, share):
    assert occupancy(blocks, threads, registers, shared, H200) == share


def test_compilers_are_asked_wherever_a_candidate_keeps_its_kernels():
    loaded = SimpleNamespace(name="rows", function=1, n_regs=255, n_spills=24, metadata=SimpleNamespace(shared=512))
    waiting = SimpleNamespace(name="rows", function=None)
    jitted = SimpleNamespace(device_caches={0: ({"a": loaded, "b": waiting}, None)})
    broken = SimpleNamespace(device_caches=3)
    tuned = SimpleNamespace(fn=jitted)
    found = list(compiled([{"kernels": [{"one": jitted}], "tuned": tuned, "broken": broken, "other": 3}]))
    assert found == [KernelProfile("rows", 0.0, 0, registers=255, shared_bytes=512, local_bytes=96)] * 2


def test_a_cpu_has_no_kernels():
    assert kernels_of(lambda: None, []) == ""


@pytest.mark.gpu
@pytest.mark.skipif(detect_cuda() is None, reason="no GPU that torch can use")
def test_kernels_of_a_call_on_a_gpu():
    x = torch.randn(1 << 24, device="cuda")
    profile = parse(kernels_of(lambda x: torch.exp(x).sum(), [x]))
    assert profile.launches >= 2 and profile.microseconds > 10
    longest = profile.kernels[0]
    assert longest.launches == 1 and longest.blocks > 100 and longest.registers > 0 and 0 < longest.occupancy <= 1


SOURCE = """
import torch

class Doubled(torch.nn.Module):
    def forward(self, x):
        return x + x
"""


def test_a_seat_tells_of_kernels_where_it_is_asked_to():
    isolation = Isolation(threads=1)
    seat = CpuDevice(detect_cpu(), isolation).open(1 << 30, {})
    try:
        seat.load(0, ModelSpec(SOURCE, "Doubled", []), {}, timeout=30)
        for kernels in (False, True):
            share, text = seat.operator_share(0, [torch.ones(1000)], 10, kernels)
            assert 0 < share <= 1 and text == ""
    finally:
        seat.close()
        isolation.close()
