"""What a user does on their own file: run, Ctrl-C, resume, status, export, verify. Real compiler, real evaluator."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fabricated_run import PROBLEM

EGG = [sys.executable, "-m", "egg_search.cli"]
BRIEF = [sys.executable, str(Path(__file__).with_name("brief_egg.py"))]  # what `resume` does with torch.compile


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole")
    (path / "scale.py").write_text(PROBLEM.replace("rows, dim = 4, 16", "rows, dim = 256, 512"))
    return path


def call(folder, *arguments, egg=EGG):
    return subprocess.run([*egg, *arguments], cwd=folder, capture_output=True, text=True, timeout=500)


def interrupted_run(folder):
    """Ctrl-C as soon as the first correct configuration is known."""
    command = [*BRIEF, "run", "scale.py", "--budget", "10m", "--ray-address", "none"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=os.environ)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "best:" in line:
            process.send_signal(signal.SIGINT)
            break
    rest, _ = process.communicate(timeout=500)
    return process.returncode, "".join(lines) + rest


@pytest.mark.timeout(600)
def test_run_interrupt_resume_export_verify(folder):
    code, text = interrupted_run(folder)
    assert code == 130, text
    assert "go on with: egg resume runs/scale" in text
    assert "not judged a second time yet" in text
    judged = int(re.search(r"configurations +(\d+)", call(folder, "status", "runs/scale").stdout)[1])
    assert judged >= 1

    done = call(folder, "resume", "runs/scale", "--evaluations", str(judged + 2))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{judged} configurations so far" in done.stdout
    assert re.search(r"baselines: eager [\d.e-]+ ms, compile [\d.e-]+ ms", done.stdout)
    assert "not judged a second time" not in done.stdout
    assert "runs/scale/export/scale_0_faithful.py" in done.stdout
    assert "ended: evaluations are used up" in call(folder, "status", "runs/scale").stdout

    exported = call(folder, "export", "runs/scale", "--out", "out").stdout.split()
    assert exported[0] == "out/scale_0_faithful.py"
    verdict = call(folder, "verify", exported[0], "scale.py", egg=BRIEF)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert "accepted: faithful" in verdict.stdout
    standalone = "import torch; from scale_0_faithful import ModelNew; print(ModelNew(512)(torch.ones(256, 512)).shape)"
    alone = subprocess.run([sys.executable, "-c", standalone], cwd=folder / "out", capture_output=True, text=True)
    assert "[256, 512]" in alone.stdout, alone.stderr


@pytest.mark.timeout(600)
def test_verify_refuses_a_wrong_kernel(folder):
    wrong = (
        (folder / "scale.py").read_text().replace("class Model(", "class ModelNew(").replace("x * self", "2 * x * self")
    )
    (folder / "wrong.py").write_text(wrong)
    done = call(folder, "verify", "wrong.py", "scale.py")
    assert done.returncode == 1
    assert done.stdout.startswith("refused: wrong values")
