import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FAKES = os.pathsep.join([str(HERE), str(HERE.parent / "campaign")])  # search_fakes is the campaigns' tests'
sys.path[:0] = FAKES.split(os.pathsep)


@pytest.fixture(scope="session", autouse=True)
def importable_fakes():
    """Ray's workers import what they unpickle."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([FAKES, *([before] if before else [])])
    yield
    os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
