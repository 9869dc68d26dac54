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
# Real workers with time limits, and real timings; but for files where all is imaginary or nothing is timed.
ALONE = {"adversarial", "bench", "campaign", "cli", "cluster", "evaluator"}
TOGETHER = {
    *("adversarial/test_gpu_corpus.py", "bench/test_bench_tables.py", "bench/test_gpu_tables.py"),
    *("campaign/test_lookahead.py", "campaign/test_search.py", "cli/test_bad_input.py", "cli/test_gpus.py"),
    *("evaluator/test_static_flags.py", "evaluator/test_correctness_limits.py"),
}


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items):
    for item in items:
        path = item.path.relative_to(HERE)
        if (path.parts[0] in ALONE and path.as_posix() not in TOGETHER) or item.get_closest_marker("gpu"):
            item.add_marker("alone")
