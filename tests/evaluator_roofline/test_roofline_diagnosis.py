"""What holds a call up, from fabricated figures."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roofline_samples import H200, errors, timing

from egg_search.core.verdict import PrecisionClass
from evaluator.roofline import describe
from evaluator.roofline.diagnosis import Bottleneck, diagnose
from evaluator.roofline.efficiency import compute_ceiling, efficiency
from evaluator.roofline.profile import KernelProfile, Profile
from evaluator.roofline.work import LeastWork

GIGABYTE = LeastWork(1 << 30, 1 << 30, 0)
PRODUCT = LeastWork(2 * 4 * 8192**2, 4 * 8192**2, 2 * 8192**3)
SMALL = LeastWork(1 << 20, 1 << 20, 0)


def profile(*kernels: KernelProfile) -> Profile:
    return Profile(kernels, sum(each.microseconds for each in kernels), sum(each.launches for each in kernels))


def kernel(microseconds: float, name: str = "rows", **known) -> KernelProfile:
    return KernelProfile(name, microseconds, 1, **{"grid": (4096, 1, 1), "occupancy": 0.9, **known})


def diagnosed(work, ms, kernels=None, launch_us=None, precision=PrecisionClass.FAITHFUL):
    return diagnose(efficiency(ms / 1000, precision, work, H200), kernels, H200, launch_us)


def test_a_copy_at_three_quarters_of_the_bandwidth_is_memory_bound():
    found = diagnosed(GIGABYTE, 0.69, profile(kernel(685)), 9.0)
    assert found.bottleneck is Bottleneck.MEMORY
    assert found.evidence == ("moves 3.11 TB/s, 73 % of the bandwidth of 4.28 TB/s",)


def test_a_product_near_its_ceiling_is_compute_bound():
    found = diagnosed(PRODUCT, 12.0, profile(kernel(11990)))
    assert found.bottleneck is Bottleneck.COMPUTE
    assert found.evidence[0] == "computes 91.6 TFLOP/s, 70 % of the ceiling of 131 TFLOP/s (tf32 / 3)"


def test_many_small_kernels_are_launch_bound():
    found = diagnosed(SMALL, 0.018, profile(*(kernel(2.65, f"k{number}") for number in range(4))))
    assert found.bottleneck is Bottleneck.LAUNCH
    assert found.evidence[0] == "launch overhead is 41 % of 18 us"
    assert "4 kernels, the longest (k0) takes 25 %" in found.evidence
    assert "all its data fits the L2 cache" in found.evidence


def test_launching_bounds_what_the_gpu_can_have_waited():
    kernels = profile(kernel(500))
    assert diagnosed(GIGABYTE, 2.0, kernels).bottleneck is Bottleneck.LAUNCH
    assert diagnosed(GIGABYTE, 2.0, kernels, launch_us=20).bottleneck is not Bottleneck.LAUNCH


def test_low_occupancy_and_spills_are_told_of():
    found = diagnosed(GIGABYTE, 3.0, profile(kernel(2990, occupancy=0.12, registers=255, local_bytes=96)))
    assert found.bottleneck is Bottleneck.LATENCY
    assert found.evidence[0] == "neither memory (17 %) nor arithmetic (0 %) is near its limit"
    assert "occupancy 12 % because of 255 registers a thread" in found.evidence
    assert "spills 96 bytes a thread" in found.evidence


def test_few_blocks_explain_low_occupancy():
    found = diagnosed(GIGABYTE, 3.0, profile(kernel(2990, grid=(64, 1, 1), occupancy=0.03, registers=255)))
    assert {"64 blocks on 132 multiprocessors", "occupancy 3 %"} <= set(found.evidence)


def test_several_passes_over_memory_are_memory_bound():
    found = diagnosed(GIGABYTE, 2.0, profile(*(kernel(495, f"k{number}") for number in range(4))))
    assert found.bottleneck is Bottleneck.MEMORY
    assert "its kernels pass results to each other through memory" in found.evidence


@pytest.mark.parametrize(
    "precision, operand_bytes, expected",
    [
        (PrecisionClass.FAITHFUL, 4, ("tf32 / 3", 394e12 / 3)),
        (PrecisionClass.TF32, 4, ("tf32", 394e12)),
        (PrecisionClass.HALF, 4, ("bf16", 780e12)),
        (PrecisionClass.FAITHFUL, 2, ("bf16", 780e12)),
        (PrecisionClass.FAITHFUL, 8, ("fp64", 60e12)),
    ],
)
def test_the_ceiling_is_the_fastest_way_to_the_precision(precision, operand_bytes, expected):
    assert compute_ceiling(precision, operand_bytes, H200) == expected


def test_splits_go_beyond_what_float32_units_reach():
    reached = efficiency(0.012, PrecisionClass.FAITHFUL, PRODUCT, H200)
    assert reached.compute_fraction < 1 < reached.fp32_fraction


kernels = st.builds(
    KernelProfile,
    name=st.just("k") | st.just("other"),
    microseconds=st.floats(0, 1e6),
    launches=st.integers(0, 50),
    grid=st.none() | st.tuples(*[st.integers(0, 1 << 20)] * 3),
    registers=st.none() | st.integers(0, 255),
    shared_bytes=st.none() | st.integers(0, 232448),
    occupancy=st.none() | st.floats(0, 1),
    local_bytes=st.none() | st.integers(0, 4096),
)
profiles = st.none() | st.lists(kernels, min_size=1, max_size=5).map(lambda some: profile(*some))
works = st.builds(LeastWork, *[st.integers(0, 1 << 36)] * 2, st.integers(0, 1 << 50))


@given(works, st.floats(1e-3, 1e4), profiles, st.none() | st.floats(0, 1e7), st.sampled_from(PrecisionClass))
def test_a_diagnosis_has_evidence_and_does_not_contradict_itself(work, ms, kernels, launch_us, precision):
    reached = efficiency(ms / 1000, precision, work, H200)
    found = diagnose(reached, kernels, H200, launch_us)
    assert found.evidence and all(found.evidence) and len(set(found.evidence)) == len(found.evidence)
    start = {
        Bottleneck.MEMORY: "moves",
        Bottleneck.COMPUTE: "computes",
        Bottleneck.LATENCY: "neither",
        Bottleneck.LAUNCH: "launch overhead",
    }
    assert found.evidence[0].startswith(start[found.bottleneck])
    told = " ".join(found.evidence)
    assert ("neither memory" in told) == (found.bottleneck is Bottleneck.LATENCY)
    if found.bottleneck is Bottleneck.LATENCY:
        assert reached.fraction < 0.5
    if found.bottleneck in (Bottleneck.MEMORY, Bottleneck.COMPUTE):
        assert found.bottleneck == reached.bound
    if found.bottleneck is Bottleneck.LAUNCH:
        assert kernels is not None or launch_us is not None
    assert not ("spills" in told and all(not each.local_bytes for each in kernels.kernels))


@given(works, st.floats(1e-3, 1e4), profiles, st.none() | st.floats(0, 1e7))
def test_what_a_verdict_says_is_json(work, ms, kernels, launch_us):
    found = describe(timing(ms), errors(), work, H200, kernels, launch_us)
    assert json.loads(json.dumps(found, allow_nan=False)) == found or kernels is not None
    assert found["diagnosis"]["bottleneck"] in set(map(str, Bottleneck))
    assert found.keys() >= {"roofline", "diagnosis"}


def test_without_ceilings_or_work_there_is_no_roofline():
    assert describe(timing(1.0), errors(), SMALL, None, None) == {}
    found = describe(timing(1.0), errors(), None, H200, profile(kernel(5.0)))
    assert found == {"kernels": {"launches": 1, "us": 5.0, "longest": [kernel(5.0).to_json()]}}
