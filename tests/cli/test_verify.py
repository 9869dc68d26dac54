"""`egg verify` on anybody's kernel."""

import json

import pytest
from fabricated_run import PROBLEM

PORT = PROBLEM.replace("class Model(", "class ModelNew(")


@pytest.fixture
def good(tmp_path):
    (tmp_path / "scale.py").write_text(PROBLEM)
    (tmp_path / "port.py").write_text(PORT)
    return "scale.py"


def test_a_library_port_is_refused_where_none_are_wanted(egg, good):
    done = egg("verify", "port.py", good, "--no-library-ports", "--json")
    assert done.returncode == 1
    verdict = json.loads(done.stdout)
    assert verdict["outcome"] == "refused"
    assert "library port" in verdict["reason"]
    assert verdict["flags"] == ["library-only: forward calls torch operators only, no kernel is loaded"]
