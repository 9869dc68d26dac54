"""Settings that all tests share, and which of them load disturbs."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure; under CI the examples are the same in every run.
settings.register_profile(
    "egg", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("egg")

HERE = Path(__file__).parent
# Real workers with time limits, and real timings.
ALONE = {"adversarial", "bench", "campaign", "cli", "cluster", "evaluator"}


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.relative_to(HERE).parts[0] in ALONE or item.get_closest_marker("gpu"):
            item.add_marker("alone")
