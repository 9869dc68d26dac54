"""Kernels for a GPU are compiled where there is none, and what came of it is moved to whom it is for."""

from __future__ import annotations

import json
import os
import tempfile

import pytest
from evaluator_samples import candidate_of

from evaluator.build import build
from evaluator.build.store import BuildStore
from evaluator.worker import setup
from evaluator.worker.ahead import ARCHITECTURE

KERNEL = """
import os
import triton
import triton.language as tl

@triton.jit
def double(x, y, BLOCK: tl.constexpr):
    here = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + here, 2 * tl.load(x + here))

if "EGG_CUDA_ARCH" in os.environ:
    double.warmup(torch.float32, torch.float32, BLOCK=128, grid=(1,))
"""


@pytest.fixture
def built(tmp_path):
    pytest.importorskip("triton")
    source = candidate_of("return x", KERNEL).source
    report = build(source, tmp_path, 120.0, capability=90)
    assert report.ok, report.reason
    return source, BuildStore(tmp_path)


def test_triton_compiles_for_the_gpu_that_the_environment_names(built):
    source, store = built
    (cubin,) = store.output(source).rglob("*.cubin")
    (described,) = (path for path in cubin.parent.glob("double.json"))
    assert cubin.stat().st_size and json.loads(described.read_text())["target"]["arch"] == 90
    assert ARCHITECTURE not in os.environ


def test_what_a_build_left_is_found_where_the_worker_has_it(built, tmp_path, monkeypatch):
    source, store = built
    there, scratch = store.output(source), tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    setup.install(setup.Setup(store.environment(source), str(there), setup.archive(there)))
    (moved,) = scratch.iterdir()
    assert os.environ["TRITON_CACHE_DIR"] == str(moved / "triton")
    (index,) = moved.rglob("__grp__*.json")
    listed = json.loads(index.read_text())["child_paths"].values()
    assert listed and all(path.startswith(str(moved)) and os.path.exists(path) for path in listed)
