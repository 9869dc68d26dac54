"""What `egg` says of GPUs: bad input, what goes away and why, and what `egg doctor` finds. The driver is a fake one."""

import json
import os
import re
import shutil

import fake_driver
import pytest
from fabricated_run import PROBLEM
from search_fakes import FakeWorkshop

from egg_search import cli
from egg_search.campaign import Campaign, Settings, dialects, opening
from egg_search.campaign.notices import notices
from egg_search.cli.search import search
from egg_search.core import hardware
from egg_search.core.candidate import Dialect
from egg_search.core.hardware import detect, detect_cpu
from egg_search.core.problem import Problem

TOO_OLD = "the NVIDIA driver is too old: it supports CUDA 11.4, this torch needs 13.0; update the driver"
NO_CUPY = "CuPy is missing: install one of the extras cuda12 and cuda13"
NO_TRITON = "Triton is missing: install one of the extras cuda12 and cuda13"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "scale.py").write_text(PROBLEM)
    (tmp_path / "port.py").write_text(PROBLEM.replace("class Model(", "class ModelNew("))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def driver(folder, monkeypatch):
    yield fake_driver.install(folder / "driver", monkeypatch)
    hardware.ask_driver.cache_clear()


@pytest.fixture
def missing(monkeypatch):
    """Says why dialects are missing; without a call none is."""

    def say(**why):
        for dialect in (Dialect.TRITON, Dialect.CUDA):
            monkeypatch.setitem(dialects._MISSING, dialect, lambda dialect=dialect: why.get(dialect.value))

    say()
    return say


def refused(capsys, *arguments):
    """The one line on a bad input, in this process; nothing but what was there stays."""
    before = sorted(os.listdir())
    code, (out, err) = cli._run(list(arguments)), capsys.readouterr()
    assert (code, err.count("\n")) == (2, 1), out + err
    assert sorted(os.listdir()) == before
    return err


COMMANDS = (["run", "scale.py"], ["bench", "scale.py"], ["verify", "port.py", "scale.py"])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_gpu_that_is_not_there(command, egg, folder):
    done = egg(*command, "--device", "cuda", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert re.match(r"egg: no GPU to measure on: .+; to measure on the CPUs: --device cpu\n$", done.stderr)
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_device_that_nobody_knows(command, folder, capsys):
    assert "no device 'tpu'; use one of auto, cpu, cuda" in refused(capsys, *command, "--device", "tpu")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_driver_that_is_too_old(command, driver, capsys):
    driver.tell(version=11040)
    assert f"no GPU to measure on: {TOO_OLD}" in refused(capsys, *command, "--device", "cuda")


def test_nothing_that_a_gpu_runs_is_installed(driver, missing, capsys):
    missing(cuda=NO_CUPY, triton=NO_TRITON)
    assert refused(capsys, "run", "scale.py") == f"egg: {NO_TRITON}; {NO_CUPY}\n"


def test_without_triton_nothing_is_timed_on_a_gpu(driver, monkeypatch, capsys):
    monkeypatch.setattr("egg_search.core.triton_here.find_spec", lambda name: None)
    assert refused(capsys, "run", "scale.py") == f"egg: {NO_TRITON}\n"


@pytest.mark.parametrize("gone", ["this machine has no NVIDIA GPU", TOO_OLD])
def test_a_run_begun_on_a_gpu_is_not_resumed_without(driver, capsys, gone, monkeypatch):
    opening.create("run", Settings("scale.py"), Problem("scale", PROBLEM), detect("cuda"))
    if gone == TOO_OLD:
        driver.tell(version=11040)
    else:
        monkeypatch.setattr(hardware, "_CONTROL", driver.folder / "nothing")
        driver.tell()
    assert refused(capsys, "resume", "run") == (
        "egg: run: begun on NVIDIA Imaginary with 132 multiprocessors, and there is no GPU to go on with: "
        f"{gone}; start a new campaign here\n"
    )


def test_a_run_begun_on_another_gpu_is_not_resumed(driver, capsys):
    opening.create("run", Settings("scale.py"), Problem("scale", PROBLEM), detect("cuda"))
    driver.gpus("NVIDIA Other")
    assert "this is NVIDIA Other with 132 multiprocessors; measurements do not compare" in refused(
        capsys, "resume", "run"
    )


def test_a_dialect_that_goes_away_is_told(driver, missing):
    assert notices(detect()) == []
    missing(cuda=NO_CUPY)
    assert notices(detect()) == [f"{NO_CUPY}; only the cuda dialect goes away, triton is left"]
    assert notices(detect(), wanted=[Dialect.TRITON]) == notices(detect_cpu()) == []


def test_cpus_instead_of_a_gpu_are_told_with_the_reason(driver, monkeypatch):
    driver.tell(version=11040)
    assert notices(detect()) == [f"the GPU cannot be used, the CPUs are measured instead: {TOO_OLD}"]
    assert notices(detect(), device="cpu") == [], "they were asked for"
    monkeypatch.setattr(hardware, "_CONTROL", driver.folder / "nothing")
    driver.tell()
    assert notices(detect()) == [], "there is no GPU"


def test_a_search_says_it_once(driver, missing, capsys):
    missing(cuda=NO_CUPY)
    driver.tell(held_mib=5000)
    settings = Settings("scale.py", budget_s=None, max_evaluations=4, authors=("fake",), ray_address="none")
    workshop = FakeWorkshop(hardware=detect())
    assert search(lambda: Campaign.create(settings, driver.folder / "run", workshop)) == 0
    out = capsys.readouterr().out
    assert out.count(f"note: {NO_CUPY}; only the cuda dialect goes away, triton is left\n") == 1
    progress, _, table = out.partition("certifying")
    for part in (progress, table):
        assert part.count("GPU 4 is used by others (5000 MiB held, 0 % busy): timings are rough") == 1
    assert "~10" in table and "best: ~" in progress


@pytest.mark.chaos  # a whole judgement with torch.compile for one line
def test_verify_says_why_the_cpus_were_taken(driver, capsys, monkeypatch):
    driver.tell(version=11040)
    detect()
    for variable in ("PYTHONPATH", "LD_LIBRARY_PATH"):  # workers have the real torch
        monkeypatch.delenv(variable)
    assert cli._run(["verify", "port.py", "scale.py", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["machine_notes"] == [
        f"the GPU cannot be used, the CPUs are measured instead: {TOO_OLD}"
    ]


def doctor(capsys):
    code = cli._run(["doctor"])
    out, err = capsys.readouterr()
    return code, dict(re.split(r" {2,}", line, maxsplit=1) for line in out.splitlines() if "  " in line), err, out


def test_doctor_lists_gpus_and_dialects(driver, missing, capsys):
    driver.gpus(*["NVIDIA Imaginary"] * 2, "NVIDIA Other", "NVIDIA Imaginary")
    missing(cuda=NO_CUPY)
    code, rows, _, out = doctor(capsys)
    described = "80 GiB, 132 multiprocessors, compute capability 9.0, L2 50 MiB"
    assert f"3 x NVIDIA Imaginary, {described}\n" in out and f"1 x NVIDIA Other, {described}\n" in out
    assert code == 0
    assert rows["mixed gpus"] == "a search measures on one model: NVIDIA Imaginary"
    assert (rows["on the cpu"], rows["on the gpu"]) == ("cpp", f"triton, not cuda ({NO_CUPY})")


def test_doctor_says_why_no_gpu_can_be_used(driver, capsys):
    driver.tell(version=11040)
    code, rows, _, _ = doctor(capsys)
    assert (code, rows["gpu"]) == (0, f"none can be used: {TOO_OLD}")
    assert "on the gpu" not in rows


@pytest.mark.parametrize("gpus", [0, 1])
def test_a_missing_compiler_matters_where_cpus_are_measured(gpus, driver, missing, capsys, monkeypatch):
    driver.tell(count=gpus)
    hardware.ask_driver()
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, *rest: None if name == "g++" else which(name, *rest))
    code, rows, err, _ = doctor(capsys)
    assert (code, "no g++ on PATH" in err) == ((0, False) if gpus else (2, True))
    assert rows["on the cpu"].startswith("not cpp (no g++ on PATH")


def test_a_gpu_without_any_dialect_is_told(driver, missing, capsys):
    missing(cuda=NO_CUPY, triton=NO_TRITON)
    code, rows, err, _ = doctor(capsys)
    assert (code, err) == (2, f"egg: {NO_TRITON}; {NO_CUPY}\n")
    assert rows["on the gpu"] == f"not triton ({NO_TRITON}), not cuda ({NO_CUPY})"
