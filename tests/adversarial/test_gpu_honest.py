"""What is honest is accepted on a GPU, however suspicious it looks, and what is faster is seen to be."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from entries import Entry, check, entries_in
from gpu.corpus import OWN
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


# The problems' own models are judged in test_gpu_cheats.py, which sees whether they gain anything, too.
@pytest.mark.parametrize("honest", cases([each for each in entries_in("gpu/honest") if each.name != OWN]), ids=str)
def test_honest_is_accepted_and_what_is_faster_is_seen_to_be(honest, gpu_evaluator_of):
    verdict = check(honest, gpu_evaluator_of)
    assert verdict.timing.speedups["eager"].value > FASTER.get(honest.name, 0.0)
