import os
import subprocess
import sys
from pathlib import Path

import pytest

from egg_search import cli

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / other) for other in ("reports", "core", "campaign")]  # fakes


@pytest.fixture
def egg(tmp_path):
    """Runs the real program in an empty directory."""

    def call(*arguments, path=None, timeout=120, **environment):
        variables = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", **environment}
        if path is not None:
            variables["PATH"] = str(path)
        command = [sys.executable, "-m", "egg_search.cli", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=timeout)

    return call


@pytest.fixture
def refused(tmp_path, monkeypatch, capfd):
    """Asserts that a call is refused as bad input: one line, exit code 2, and nothing new on disk. In this process: to
    import torch takes seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments, path=None):
        before = sorted(tmp_path.rglob("*"))
        with monkeypatch.context() as patch:
            if path is not None:
                patch.setenv("PATH", str(path))
            code, (out, err) = cli._run(list(map(str, arguments))), capfd.readouterr()
        lines = err.splitlines()
        assert code == 2, err
        assert len(lines) == 1, err
        assert lines[0].startswith("egg: ")
        assert "Traceback" not in out + err
        assert sorted(tmp_path.rglob("*")) == before
        return lines[0]

    return call
