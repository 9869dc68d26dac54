"""Studies: new configurations only, within constraints, better than chance, and the same after a rebuild."""

import itertools
import random
import statistics
import time
from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egg_search.core.knobs import Knob, Lever
from egg_search.core.step import configuration_key
from egg_search.tuning import Study

SPACE = {
    "M": (Lever.TILING, (16, 32, 64, 128, 256)),
    "N": (Lever.TILING, (16, 32, 64, 128, 256)),
    "CHUNK": (Lever.MAPPING, (1, 2, 4, 8, 16)),
    "PACK": (Lever.STAGING, (False, True)),
    "PREFETCH": (Lever.STAGING, (0, 1, 2, 4)),
}


def knobs(space=SPACE):
    return {name: Knob(name, lever, choices[0], choices) for name, (lever, choices) in space.items()}


def landscape(c):
    """A score with an interaction of the tiles; its best is 0."""
    off = abs(log2(c["M"] * c["N"]) - 12) * 0.2 + abs(log2(c["M"]) - 7) * 0.1 + abs(log2(c["CHUNK"]) - 3) * 0.15
    return -off - 0.3 * (not c["PACK"]) - 0.02 * abs(c["PREFETCH"] - 2)


def search(study, evaluations, seed, score=landscape, batch=4):
    told = []
    for step in range(evaluations // batch):
        for configuration in study.ask(batch, seed * 1000 + step, first=[default()]):
            study.tell(configuration, score(configuration))
            told.append(configuration)
    return told


def default():
    return {name: choices[0] for name, (_, choices) in SPACE.items()}


def test_beats_random_search():
    tpe, chance = [], []
    for seed in range(6):
        study = Study(knobs())
        search(study, 40, seed)
        tpe.append(study.best[0])
        rng = random.Random(seed)
        chance.append(max(landscape({n: rng.choice(c) for n, (_, c) in SPACE.items()}) for _ in range(40)))
    assert statistics.mean(tpe) > statistics.mean(chance) + 0.1
    assert statistics.median(tpe) > -0.15


def test_first_come_first():
    first = [{**default(), "M": 64}, {**default(), "N": 64}]
    assert Study(knobs()).ask(2, 0, first=first) == first


def test_neighbours_of_a_lever_come_before_others():
    study = Study(knobs())
    study.tell(default(), 0.0)
    asked = study.ask(4, 0, lever=Lever.MAPPING)
    assert all(c == {**default(), "CHUNK": c["CHUNK"]} for c in asked)


def test_constraints_prune_before_anything_is_built():
    study = Study(knobs())
    asked = [c for seed in range(20) for c in study.ask(16, seed, allowed=lambda c: c["M"] * c["N"] <= 1024)]
    assert all(c["M"] * c["N"] <= 1024 for c in asked)
    assert len(asked) == 6 * 5 * 2 * 4  # six pairs of tiles fit: the space was searched to its end


def test_failures_are_told_and_never_best():
    study = Study(knobs())
    study.tell(default(), None)
    assert study.best is None
    assert default() not in study.ask(4, 0)
    study.tell({**default(), "M": 32}, -1.0)
    assert study.best == (-1.0, {**default(), "M": 32})


small = st.lists(st.integers(1, 4), min_size=0, max_size=4).map(
    lambda sizes: {f"K{i}": (Lever.TILING, tuple(range(n))) for i, n in enumerate(sizes)}
)


@settings(max_examples=25, deadline=None)
@given(small, st.integers(1, 7), st.integers(0, 99))
def test_every_configuration_once_and_then_none(space, batch, seed):
    study = Study(knobs(space))
    asked = []
    for step in itertools.count():
        configurations = study.ask(batch, seed + step)
        if not configurations:
            break
        for configuration in configurations:
            study.tell(configuration, float(sum(configuration.values())) if len(asked) % 3 else None)
            asked.append(configuration_key(configuration))
    assert len(asked) == len(set(asked)) == study.size


@pytest.mark.parametrize("told", [3, 12, 31])
def test_a_rebuilt_study_asks_the_same(told):
    live = Study(knobs())
    history = []
    for step in range(told):
        (configuration,) = live.ask(1, step, first=[default()])
        score = None if step % 5 == 2 else landscape(configuration)
        live.tell(configuration, score)
        history.append((configuration, score))
    rebuilt = Study(knobs())
    for configuration, score in history:
        rebuilt.tell(dict(sorted(configuration.items())), score)
    assert [live.ask(4, 99), live.ask(4, 100)] == [rebuilt.ask(4, 99), rebuilt.ask(4, 100)]


def test_importances_rank_the_knobs():
    study = Study(knobs())
    assert study.importances() == {}
    search(study, 60, 1, score=lambda c: -abs(log2(c["M"]) - 7) - 0.01 * c["PREFETCH"])
    importances = study.importances()
    assert next(iter(importances)) == "M"
    assert sum(importances.values()) == pytest.approx(1)


def test_asking_is_cheap():
    study = Study(knobs())
    search(study, 100, 0)
    started = time.perf_counter()
    search(study, 40, 7)
    assert (time.perf_counter() - started) / 40 < 0.02
