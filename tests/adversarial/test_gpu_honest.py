"""What is honest is accepted on a GPU, however suspicious it looks, and what is faster is seen to be."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from entries import Entry, check, entries_in, judge
from gpu.honest.compilers import COMPILED

pytestmark = pytest.mark.gpu
FASTER = {  # than eager by this at the least
    "a fused chain": 1.3,
    "a graph for each place that inputs lie in": 1.0,
    "rows": 1.1,
    "one product in place of two": 1.3,
}


def cases(found: list[Entry]) -> list:
    marks = {
        COMPILED: [pytest.mark.xfail(reason="torch.compile may start processes that a worker must not", strict=False)]
    }
    return [pytest.param(each, marks=[*marks.get(each, []), *_needs(each)]) for each in found]


def _needs(each: Entry) -> list:
    missing = [name for name in ("triton", "cupy") if f"import {name}\n" in each.source and find_spec(name) is None]
    return [pytest.mark.skip(reason=f"{missing[0]} is missing")] if missing else []


@pytest.mark.parametrize("honest", cases(entries_in("gpu/honest")), ids=str)
def test_honest_is_accepted(honest, gpu_evaluator_of):
    check(honest, gpu_evaluator_of)


@pytest.mark.parametrize("honest", cases([each for each in entries_in("gpu/honest") if each.name in FASTER]), ids=str)
def test_what_is_faster_is_seen_to_be(honest, gpu_evaluator_of):
    verdict = judge(honest, gpu_evaluator_of(honest.problem))
    assert verdict.ok, verdict.reason
    assert verdict.timing.speedups["eager"].value > FASTER[honest.name]
