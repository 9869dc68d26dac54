"""Settings that all tests share, and which of them load disturbs."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from shares import SHARE, share_of

# A busy machine is no failure; under CI the examples are the same in every run.
settings.register_profile(
    "egg", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("egg")

HERE = Path(__file__).parent
_DATA = tempfile.TemporaryDirectory(prefix="egg-tests-")
os.environ["EGG_DATA_DIR"] = _DATA.name  # never a user's own experience
# Real workers with time limits, and real timings; but for files where all is imaginary, nothing is timed, or whole runs
# wait for whatever takes its time.
ALONE = {"adversarial", "bench", "campaign", "cli", "cluster", "evaluator"}
TOGETHER = {
    *("adversarial/test_gpu_corpus.py", "bench/test_bench_tables.py", "bench/test_gpu_tables.py"),
    *("campaign/test_lookahead.py", "campaign/test_search.py", "campaign/test_turns.py", "campaign/test_lessons.py"),
    *("cli/test_bad_input.py", "cli/test_gpus.py", "cli/test_commands.py", "cli/test_experience.py"),
    *("cli/test_a_run_with_models.py", "cli/test_a_whole_run.py"),
    *("evaluator/test_static_flags.py", "evaluator/test_correctness_limits.py", "evaluator/test_claims.py"),
    *("evaluator/test_cuda_hold.py", "evaluator/test_lazy.py"),
}


# On a GPU all is, but for kernels that are compiled and compared: compilers take most of that time.
COMPARED, MEASURED = "operators", ("bandwidth", "a_launch")


@pytest.fixture(autouse=True)
def without_experience(monkeypatch):
    """No test learns from another."""
    folder = tempfile.mkdtemp(dir=_DATA.name)
    monkeypatch.setenv("EGG_DATA_DIR", folder)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    for item in items:  # before `-m` selects
        if _is_alone(item, item.path.relative_to(HERE)):
            item.add_marker("alone")
    result = yield
    if text := os.environ.get(SHARE):
        items[:], others = share_of(items, text)
        config.hook.pytest_deselected(items=others)
    return result


def _is_alone(item, path):
    if item.get_closest_marker("gpu"):
        return path.parts[0] != COMPARED or any(word in item.name for word in MEASURED)
    return path.parts[0] in ALONE and path.as_posix() not in TOGETHER
