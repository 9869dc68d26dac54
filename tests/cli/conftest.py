import os
import subprocess
import sys
from pathlib import Path

import pytest

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
def refused(egg, tmp_path):
    """Asserts that a call is refused as bad input: one line, exit code 2, and nothing new on disk."""

    def call(*arguments, **options):
        before = sorted(tmp_path.rglob("*"))
        done = egg(*arguments, **options)
        lines = done.stderr.splitlines()
        assert done.returncode == 2, done.stderr
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith("egg: ")
        assert "Traceback" not in done.stdout + done.stderr
        assert sorted(tmp_path.rglob("*")) == before
        return lines[0]

    return call
