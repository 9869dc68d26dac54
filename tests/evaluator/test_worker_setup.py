"""What a build left, in the process that loads it: of one configuration after another."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from evaluator.worker.host import HostMemory
from evaluator.worker.models import Models
from evaluator.worker.setup import Setup, install


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A build's output; what is installed goes below another directory."""
    scratch, output = tmp_path / "scratch", tmp_path / "output"
    scratch.mkdir(), output.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setenv("EGG_BUILD_DIR", "")
    return output


def installed(place: Path) -> Path:
    install(Setup.of({"EGG_BUILD_DIR": str(place)}, (str(place),)))
    return Path(os.environ["EGG_BUILD_DIR"])


def test_a_library_is_the_configurations_own_though_another_had_its_name(place):
    for value in (1, 2):
        code = f'extern "C" int value() {{ return {value}; }}'
        command = ["g++", "-shared", "-fPIC", "-x", "c++", "-", "-o", str(place / "k.so")]
        subprocess.run(command, input=code, text=True, check=True)
        home = installed(place)
        assert ctypes.CDLL(str(home / "k.so")).value() == value
    assert len(list(home.parent.iterdir())) == 1  # the other one's files are gone


def test_a_worker_that_imported_a_module_of_the_build_does_not_forget(place, monkeypatch):
    (place / "helper.py").write_text("W = 1")
    home, models = installed(place), Models(HostMemory())
    models.forget()
    spec = importlib.util.spec_from_file_location("helper_of_a_build", home / "helper.py")
    monkeypatch.setitem(sys.modules, "helper_of_a_build", importlib.util.module_from_spec(spec))
    with pytest.raises(RuntimeError, match="module of the build"):
        models.forget()
