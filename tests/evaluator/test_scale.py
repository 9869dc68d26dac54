"""A candidate's time by several baselines, one of which has a bad spell."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from evaluator.judgement import Judgement
from evaluator.timing.samples import Samples
from evaluator.timing.session import Goal

CALIBRATED = {"eager": 2.0, "compile": 1.0, "eager_fp32": 2.0}  # ms; the last is the same program as the first


def timing(eager: float, compiled: float, candidate: float):
    """All in milliseconds, as they are in this session."""
    noise = 1 + 1e-3 * np.linspace(-1, 1, 9)
    seconds = {"eager": eager, "compile": compiled, "candidate": candidate}
    samples = Samples({name: list(ms * 1e-3 * noise) for name, ms in seconds.items()}, [0.0], rounds=9)
    baselines = SimpleNamespace(
        milliseconds=CALIBRATED, margin=0.01, program=lambda name: {"eager_fp32": "eager"}.get(name, name)
    )
    judgement = SimpleNamespace(_random=np.random.default_rng(0))
    return Judgement._timing(judgement, samples, Goal("candidate", "compile", 0.5), baselines)


@pytest.mark.parametrize("pace", [1.0, 1.3])
def test_a_session_in_which_all_is_slower_changes_nothing(pace):
    found = timing(2.0 * pace, 1.0 * pace, 0.5 * pace)
    assert found.ms.value == pytest.approx(0.5, rel=0.01)
    assert {name: round(each.value, 1) for name, each in found.speedups.items()} == {
        "eager": 4.0,
        "compile": 2.0,
        "eager_fp32": 4.0,
    }


def test_the_bad_spell_of_one_baseline_is_no_gain():
    found = timing(2.0, 1.4, 0.5)
    assert found.ms.value == pytest.approx(0.5, rel=0.01)
    compiled = found.speedups["compile"]
    assert compiled.value == pytest.approx(2.0, rel=0.01) and compiled.low <= compiled.value <= compiled.high < 2.1
    assert found.speedups["eager_fp32"].value == pytest.approx(4.0, rel=0.01)
