"""`egg replay` as a program."""

import os
import subprocess
import sys


def egg(folder, *arguments):
    command, env = (
        [sys.executable, "-m", "egg_search.cli", "replay", *map(str, arguments)],
        {**os.environ, "COLUMNS": "120"},
    )
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, env=env)


def test_the_same(tmp_path, recorded):
    done = egg(tmp_path, "recorded")
    assert done.returncode == 0, done.stdout + done.stderr
    first, second, *front = done.stdout.splitlines()
    assert first.startswith("the same: ") and "calls answered from the record" in first
    assert second.startswith("the front, judged twice: ") and front


def test_a_difference_is_one_line(tmp_path, recorded, tamper):
    tamper(recorded, "UPDATE evaluations SET at = at + 1 WHERE step = 1 AND position = 0")
    done = egg(tmp_path, "recorded")
    assert (done.returncode, done.stderr) == (1, "")
    (line,) = done.stdout.splitlines()
    assert line.startswith("recorded differs: step 1, judged 1: the record is not what was written then")


def test_a_table_of_policies(tmp_path, recorded):
    done = egg(tmp_path, "recorded", "--scheduler", "staged", "--scheduler", "random", "--seed", 4)
    assert done.returncode == 0, done.stderr
    for text in ("recorded (staged, seed 0)", "staged, seed 4", "random, seed 4", "after 25 %", "misses", "faithful"):
        assert text in done.stdout


def test_bad_input(tmp_path, recorded):
    for arguments, reason in [
        (("nowhere",), "not a run directory"),
        (("recorded", "--scheduler", "magic"), "no scheduler 'magic'"),
        (("recorded", "--authors", "--seed", "1"), "--authors is for the strict replay"),
    ]:
        done = egg(tmp_path, *arguments)
        assert done.returncode == 2 and reason in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
