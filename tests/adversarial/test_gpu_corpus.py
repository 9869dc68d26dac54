"""The corpus for GPUs is what it says: candidates that name nothing that is not there, kernels that compile. None of it
needs a GPU."""

from __future__ import annotations

import ast
import inspect
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
from entries import HERE, entries_in
from gpu.compiling import compile_cuda, compile_triton

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.problem import Problem
from evaluator.settings import Effort
from evaluator.static import static_flags
from evaluator.worker import server

CHEATS, FAILING, HONEST = map(entries_in, ("gpu/cheats", "gpu/failing", "gpu/honest"))
ALL = [*CHEATS, *FAILING, *HONEST]
CLOCK_FILE = Path(server.__file__).with_name("cuda.py")  # it can be imported with CUDA only
CLOCK_NODES = list(ast.walk(ast.parse(CLOCK_FILE.read_text())))
CLOCK_NAMES = {node.id for node in CLOCK_NODES if isinstance(node, ast.Name)}
CLOCK_NAMES |= {node.name for node in CLOCK_NODES if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
PATCHED = {"torch": torch, "server": server, "socket": socket, "signal": signal, "time": time}


def test_the_corpus_is_large_and_no_name_comes_twice():
    assert len(CHEATS) >= 30 and len(HONEST) >= 14 and len(FAILING) >= 12
    assert len({each.problem for each in CHEATS}) >= 4 and len({each.problem for each in HONEST}) >= 4
    twice = [name for name, count in Counter(map(str, ALL)).items() if count > 1]
    assert not twice
    assert len({each.source for each in ALL}) == len(ALL), "the same candidate under two names"


def test_what_is_expected_fits_what_it_is():
    assert all(each.outcomes for each in (*CHEATS, *FAILING)), "nothing can happen to it"
    assert not any(each.outcomes or each.gain_free for each in HONEST)
    slow = [each for each in CHEATS if each.most < 1]
    assert slow and all("_sleep(6000000)" in each.source for each in slow)


@pytest.mark.parametrize("name", sorted({each.problem for each in ALL}))
def test_problems_load(name):
    loaded = Problem.from_file(HERE / "problems" / f"{name}.py").load()
    outputs = loaded.make_model(0, loaded.init_inputs(0))(*loaded.make_inputs(0))
    for each in outputs if isinstance(outputs, tuple) else [outputs]:
        assert each.isfinite().all()


@pytest.mark.parametrize("each", ALL, ids=str)
def test_it_is_a_candidate_and_can_be_analysed(each):
    candidate = Candidate(each.source, Dialect.TORCH)
    assert all(isinstance(flag, str) for flag in static_flags(candidate.source))


def test_no_candidate_uses_a_name_that_is_not_there(tmp_path):
    """It would be refused for that, and nobody would notice."""
    for number, each in enumerate(ALL):
        (tmp_path / f"candidate_{number}.py").write_text(each.source)
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F811,F821,F822,F823", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_candidates_patch_is_there():
    """A patch of what is not there any more is no attack."""
    targets = {ast.unparse(target) for each in ALL for target in _assigned(each.source)}
    assert {"server.pack_reply", "socket.recv_fds", "torch.cuda.synchronize", "torch.cuda.Event.record"} <= targets
    for target in targets:
        root, *names = target.split(".")
        found = PATCHED.get(root)
        if root == "clock":
            assert set(names) <= CLOCK_NAMES, target
        if found is None or "_C" in names:  # only with CUDA
            continue
        for name in names:
            found = inspect.getattr_static(found, name) if isinstance(found, type) else getattr(found, name)
    assert "pack_reply(" in inspect.getsource(server) and "socket.recv_fds(" in inspect.getsource(server)


def _assigned(source: str) -> list[ast.Attribute]:
    assignments = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assign)]
    return [each for node in assignments for each in node.targets if isinstance(each, ast.Attribute)]


def test_triton_kernels_compile(tmp_path, monkeypatch):
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    sources = [each.source for each in ALL if "import triton\n" in each.source]
    assert len(sources) > 10
    compile_triton(sources, tmp_path)


def test_cuda_kernels_compile():
    pytest.importorskip("cupy")
    sources = [each.source for each in HONEST if "import cupy\n" in each.source]
    assert len(sources) == len(compile_cuda(sources)) >= 2


def test_cheats_are_screened_and_kernels_judged_in_full():
    assert Counter(each.effort for each in CHEATS)[Effort.SCREEN] > 0.9 * len(CHEATS)
    assert all(each.effort is Effort.FULL for each in HONEST if "import triton" in each.source)
