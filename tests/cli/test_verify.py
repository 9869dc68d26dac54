"""`egg verify` on anybody's kernel: accepted, refused, or not to be judged."""

import json

import pytest
from fabricated_run import PROBLEM

from egg_search import cli
from egg_search.campaign import isolation
from egg_search.core.candidate import Candidate, Dialect
from evaluator.isolation.layers import Layer

PORT = PROBLEM.replace("class Model(", "class ModelNew(")
COMPILES = "import subprocess\nsubprocess.run(['g++', '--version'], check=True)\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A problem, and a kernel that is the problem's own model."""
    (tmp_path / "scale.py").write_text(PROBLEM)
    (tmp_path / "port.py").write_text(PORT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def without_compiler(tmp_path):
    """A PATH with nothing on it."""
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def verify(capsys, *arguments):
    """Exit code, stdout and stderr of a call in this process."""
    code = cli._run(["verify", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_a_library_port_is_refused_where_none_are_wanted(folder, capsys):
    code, out, _ = verify(capsys, "port.py", "scale.py", "--no-library-ports", "--json")
    verdict = json.loads(out)
    assert (code, verdict["outcome"]) == (1, "refused")
    assert "library port" in verdict["reason"]
    assert verdict["flags"] == ["library-only: forward calls torch operators only, no kernel is loaded"]


def test_what_needs_no_compiler_is_judged_without_one_and_json_says_what_that_rests_on(egg, folder, tmp_path):
    done = egg("verify", "port.py", "scale.py", "--json", path=without_compiler(tmp_path), timeout=280)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["outcome"] == "ok"
    assert found["candidate"] == Candidate(PORT, Dialect.TORCH).id
    assert found["problem"]["name"] == "scale"
    assert set(found["isolation"]) == {"namespaces", "landlock", "seccomp"}
    assert found["hardware"]["kind"] == "cpu"
    assert set(found["timing"]["speedups"]) == {"eager"}
    assert set(found["baseline_failures"]) == {"compile"}
    assert found["notes"] == []


def test_what_needs_a_compiler_is_not_judged_without_one(egg, folder, tmp_path):
    (folder / "needs.py").write_text(COMPILES + PORT)
    done = egg("verify", "needs.py", "scale.py", path=without_compiler(tmp_path), timeout=280)
    assert done.returncode == 2
    assert done.stderr.startswith("egg: no g++ on PATH, and the kernel does not load without: ")


def test_a_bad_problem_is_not_judged(folder, capsys):
    (folder / "scale.py").write_text(PROBLEM.replace("x * self", "torch.rand_like(x) * self"))
    code, _, err = verify(capsys, "port.py", "scale.py")
    assert code == 2
    assert "not deterministic" in err


def test_strict_isolation_that_is_not_there_is_exit_code_2(folder, capsys, monkeypatch):
    monkeypatch.setattr(isolation, "detect_layers", lambda: (Layer("seccomp", False, "no filters"),))
    code, out, err = verify(capsys, "port.py", "scale.py", "--isolation", "strict")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "seccomp is missing (no filters)" in err
