"""Makes tests/replay/recorded.tar.xz anew: `python tests/replay/make_recorded.py`, a minute, on a CPU with g++.

A real campaign on a small elementwise problem. Its author is a program that plays a language model
(tests/cli/fake_model.py): its coder hands in a kernel that the expert wrote, in two schedules and with a knob, and its
editors have nothing to say. Needed after a change of prompts, of principles, of the journal or of what the scheduler
decides: then the old one replays no more, which is what it is for.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE.parent / "reports")]

from fabricated_run import PROBLEM  # noqa: E402

from egg_search.core.candidate import Dialect  # noqa: E402
from egg_search.core.hardware import detect_cpu  # noqa: E402
from egg_search.core.problem import Problem  # noqa: E402
from operators.authors.expert.author import ExpertAuthor  # noqa: E402
from operators.base import Brief  # noqa: E402
from principles import load  # noqa: E402

MODEL = HERE.parent / "cli" / "fake_model.py"


def make(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="egg-recorded-") as name:
        folder = Path(name)
        (folder / "scale.py").write_text(PROBLEM.replace("rows, dim = 4, 16", "rows, dim = 256, 512"))
        write_forms(folder)
        shutil.copy(MODEL, folder)
        # Without a path of the machine that it is made on.
        options = ("--author", "command", "--command", f"python {MODEL.name} .")
        ways = ("--ray-address", "none", "--budget", "5m", "--evaluations", "12", "--no-experience")
        command = [sys.executable, "-m", "egg_search.cli", "run", "scale.py", "--name", "recorded", *options, *ways]
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        subprocess.run(command, cwd=folder, check=True, env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path})
        keep(folder / "runs" / "recorded", target)


def write_forms(folder: Path) -> None:
    problem = Problem.from_file(folder / "scale.py")
    brief = Brief("seed", problem, detect_cpu(), Dialect.CPP, 1, limit=2, library=load())
    expert = ExpertAuthor().write(brief)[0].source
    plain = re.sub(r"^# egg-plan.*\n", "", expert, flags=re.MULTILINE)
    assert plain.count("''', {}),") == plain.count("schedule(static)") == 1, "the expert writes it another way now"
    tunable = plain.replace("''', {}),", "''', {'K0_COL_BLOCK': K0_COL_BLOCK}),")
    knob = "K0_COL_BLOCK = 512  # knob tiling: 64 | 128 | 256 | 512\n"
    for number, schedule in enumerate(("static", "dynamic")):
        text = tunable.replace("schedule(static)", f"schedule({schedule})").replace(
            "import torch\n", f"import torch\n{knob}", 1
        )
        (folder / f"form_{number}.py").write_text(text)


def keep(run: Path, target: Path) -> None:
    """Only what a replay reads."""
    with sqlite3.connect(run / "journal.sqlite") as db:
        db.execute("UPDATE sessions SET host = 'somewhere', pid = 1")
    settings = run / "settings.json"
    settings.write_text(settings.read_text().replace(str(run.parent.parent), "/somewhere"))
    for name in ("journal.sqlite", "calls.sqlite"):
        with sqlite3.connect(run / name) as db:
            db.execute("VACUUM INTO ?", (str(run / f"small-{name}"),))
        (run / f"small-{name}").replace(run / name)
    with tarfile.open(target, "w:xz") as archive:
        for name in ("settings.json", "problem.py", "hardware.json", "journal.sqlite", "calls.sqlite"):
            archive.add(run / name, f"recorded/{name}")


if __name__ == "__main__":
    make(HERE / "recorded.tar.xz")
