"""`egg run` with a program as a model: real processes, compiler and evaluator, and the record of what was asked."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fabricated_run import PROBLEM

from egg_search.core.candidate import Dialect
from egg_search.core.hardware import detect_cpu
from egg_search.core.problem import Problem
from egg_search.experience import store_path
from operators.authors.expert.author import ExpertAuthor
from operators.base import Brief
from principles import load

MODEL, BRIEF = (Path(__file__).with_name(name) for name in ("fake_model.py", "brief_egg.py"))
KEY = "sk-not-a-real-key-0123456789"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models")
    (path / "scale.py").write_text(PROBLEM.replace("rows, dim = 4, 16", "rows, dim = 256, 512"))
    problem = Problem.from_file(path / "scale.py")
    brief = Brief("seed", problem, detect_cpu(), Dialect.CPP, 1, limit=2, library=load())
    sources = [writing.source for writing in ExpertAuthor().write(brief)]
    for number in (0, 1):
        text = re.sub(r"^# egg-plan.*\n", "", sources[number % len(sources)], flags=re.MULTILINE)
        (path / f"form_{number}.py").write_text(text)
    return path


def egg(folder, *arguments, **environment):
    command = [sys.executable, str(BRIEF), *arguments]
    env = {**os.environ, "EGG_API_KEY": KEY, **environment}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280, env=env)


def run(folder, author, name, *more):
    command = ("--command", f"{sys.executable} {MODEL} {folder}")
    ways = ("--ray-address", "none", "--budget", "60s", "--name", name, *more)
    return egg(folder, "run", "scale.py", "--author", author, *command, *ways)


@pytest.mark.timeout(300)
def test_a_program_writes_kernels_and_all_it_was_asked_can_be_read(folder):
    done = run(folder, "command", "alone", "--evaluations", "3", "--max-calls", "9", "--no-experience")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not store_path().exists()
    assert "seed by command" in done.stdout and "scale_0_faithful.py" in done.stdout
    assert re.search(r"step 1 done: .*; models: \d of 9 calls, \d+ tokens", done.stdout), done.stdout
    asked = egg(folder, "prompt", "runs/alone", "1", "--replies")
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.count("==== call") >= 3 and "You are the architect" in asked.stdout
    assert "class Model(nn.Module)" in asked.stdout and "---- reply" in asked.stdout
    status = egg(folder, "status", "runs/alone").stdout
    assert re.search(r"models +\d calls", status), status
    nobody = egg(folder, "prompt", "runs/alone", "999")
    assert nobody.returncode == 2 and "no step 999" in nobody.stderr


def test_keys_are_nowhere(folder):
    told = [json.loads(path.read_text()) for path in folder.glob("env_*.txt")]
    assert told and not any(KEY in value for each in told for value in each.values())
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


@pytest.mark.chaos  # two whole runs; with fakes it is in tests/campaign/test_asking.py
@pytest.mark.timeout(300)
def test_a_program_that_fails_leaves_the_work_to_the_expert(folder):
    command = ("--author", "mixed", "--command", f"{sys.executable} -c 'import sys; sys.exit(3)'")
    ways = ("--ray-address", "none", "--evaluations", "4", "--budget", "60s", "--name", "mixed")
    done = egg(folder, "run", "scale.py", *command, *ways)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "author command is not asked any more" in done.stdout, done.stdout
    alone = egg(folder, "run", "scale.py", "--author", "command", *command[2:], *ways[:-1], "dead")
    assert alone.returncode == 2 and "author command:" in alone.stderr
    assert len(alone.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--author", "llm"), "--author llm needs --model NAME"),
        (("--author", "command"), "needs --command"),
        (("--author", "gpt"), "no author 'gpt'"),
        (("--model", "m"), "the expert asks none"),
        (("--author", "llm", "--model", "m", "--price", "n=1,2"), "--price n=...: no such --model"),
        (("--author", "llm", "--model", "m", "--base-url", "nowhere"), "is no address"),
        (("--author", "llm", "--model", "m", "--max-cost", "3"), "needs prices"),
        (("--author", "llm", "--model", "m", "--max-model-time", "soon"), "soon"),
    ],
)
def test_bad_options_end_in_one_line(refused, tmp_path, options, reason):
    (tmp_path / "scale.py").write_text(PROBLEM)
    assert reason in refused("run", "scale.py", *options)
