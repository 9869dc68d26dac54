import json
import re
import subprocess
import sys

import pytest
from fabricated_run import fabricate

from evaluator.isolation.layers import detect_layers

COMMANDS = "run resume status export verify bench demo doctor problems principles".split()


def test_help_lists_every_command_and_the_exit_codes(egg):
    done = egg("--help")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    for command in COMMANDS:
        assert f" {command} " in done.stdout
    assert "130 interrupted" in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, egg):
    done = egg(command, "--help")
    assert done.returncode == 0
    assert f"egg {command}" in done.stdout


def test_help_needs_neither_torch_nor_ray():
    code = (
        "import sys; from egg_search.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'ray', 'optuna', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_problems(egg):
    listed = egg("problems", "list").stdout
    assert "softmax:" in listed
    assert "masked_softmax" in listed
    assert "class Model" in egg("problems", "show", "masked_softmax").stdout


def test_principles(egg):
    assert "nothing wrong" in egg("principles", "check").stdout
    first = egg("principles", "list").stdout.split()[1]
    shown = egg("principles", "show", first).stdout
    assert shown.startswith(f"{first}: ")
    assert "applies" in shown
    assert "source" in shown


def test_doctor(egg):
    done = egg("doctor")
    assert done.returncode == 0
    for expected in ("cores", "vector width", "caches", "g++", "ray", "torch"):
        assert expected in done.stdout
    for layer in detect_layers():
        state = "used" if layer.available else "missing"
        assert re.search(rf"^{layer.name} +{state}: {re.escape(layer.detail)}$", done.stdout, re.MULTILINE)


def test_doctor_without_a_compiler(egg, tmp_path):
    done = egg("doctor", path=tmp_path)
    assert done.returncode == 2
    assert "egg: no g++ on PATH" in done.stderr


def test_status_and_export(egg, tmp_path):
    fabricate(tmp_path / "runs" / "scale")
    shown = egg("status", "runs/scale")
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout
    assert "10.00x" in shown.stdout
    done = egg("export", "runs/scale", "--out", "out")
    assert done.stdout.splitlines() == ["out/scale_0_half.py", "out/scale_1_faithful.py"]
    assert json.loads((tmp_path / "out" / "pareto.json").read_text())["problem"]["name"] == "scale"


def test_a_closed_pipe_is_no_error(tmp_path):
    line = f"{sys.executable} -m egg_search.cli problems list | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
