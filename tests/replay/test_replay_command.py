"""`egg replay` as a program."""

import os
import subprocess
import sys

import pytest

from egg_search.cli import main


@pytest.fixture
def egg(recorded, capsys, monkeypatch):
    """The command in this process: exit code and what it printed."""
    monkeypatch.chdir(recorded.parent)
    monkeypatch.setenv("COLUMNS", "140")

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["replay", *map(str, arguments)])
        return end.value.code, *capsys.readouterr()

    return call


def test_a_program_that_says_the_same(tmp_path, recorded):
    command, env = [sys.executable, "-m", "egg_search.cli", "replay", "recorded"], {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    first, second, *front = done.stdout.splitlines()
    assert first.startswith("the same: ") and "calls answered from the record" in first
    assert second.startswith("the front, judged twice: ") and front


def test_a_difference_is_one_line(egg, recorded, tamper):
    tamper(recorded, "UPDATE evaluations SET at = at + 1 WHERE step = 1 AND position = 0")
    code, out, err = egg("recorded")
    assert (code, err) == (1, "")
    (line,) = out.splitlines()
    assert line.startswith("recorded differs: step 1, judged 1: the record is not what was written then")


def test_a_table_of_policies(egg):
    code, out, err = egg("recorded", "--scheduler", "staged", "--scheduler", "random", "--seed", 4)
    assert code == 0, err
    for text in ("recorded (staged, seed 0)", "staged, seed 4", "random, seed 4", "after 25 %", "misses", "faithful"):
        assert text in out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("nowhere",), "not a run directory"),
        (("recorded", "--scheduler", "magic"), "no scheduler 'magic'"),
        (("recorded", "--authors", "--seed", "1"), "--authors is for the strict replay"),
    ],
)
def test_bad_input(egg, arguments, reason):
    code, _, err = egg(*arguments)
    assert code == 2 and reason in err and len(err.splitlines()) == 1
