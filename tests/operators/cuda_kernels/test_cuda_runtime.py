"""How a candidate compiles its kernels: where results go and are found, and what is said when it cannot."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("cupy_backends.cuda.libs.nvrtc")

import torch
from emulated import case

from evaluator.build.store import BuildStore
from operators.authors.expert.cuda.available import why_unavailable
from operators.authors.expert.cuda.dialect import CudaDialect


@pytest.fixture(scope="module")
def module():
    code = case(lambda x: torch.softmax(x, -1), torch.zeros(8, 64)).code()
    return CudaDialect().definitions([code])


def imported(text, **environment):
    known = {name: value for name, value in os.environ.items() if not name.startswith("EGG_")}
    command = [sys.executable, "-c", text]
    return subprocess.run(command, env={**known, **environment}, capture_output=True, text=True, timeout=120)


def test_results_are_kept_by_content_and_found_in_a_store(tmp_path, module):
    first, second, store = tmp_path / "first", tmp_path / "second", tmp_path / "store"
    assert imported(module, EGG_BUILD_DIR=str(first), EGG_CUDA_ARCH="90").returncode == 0
    (cubin,) = first.iterdir()
    assert cubin.suffix == ".cubin" and cubin.read_bytes()[:4] == b"\x7fELF"
    made = cubin.stat().st_mtime_ns
    assert imported(module, EGG_BUILD_DIR=str(first), EGG_CUDA_ARCH="90").returncode == 0
    assert [p.stat().st_mtime_ns for p in first.iterdir()] == [made]

    first.rename(store)
    done = imported(module, EGG_BUILD_DIR=str(second), EGG_BUILD_STORE=str(store), EGG_CUDA_ARCH="90")
    assert done.returncode == 0 and not second.exists()
    # Another GPU, another result.
    done = imported(module, EGG_BUILD_DIR=str(second), EGG_BUILD_STORE=str(store), EGG_CUDA_ARCH="80")
    assert done.returncode == 0 and len(list(second.iterdir())) == 1


def test_the_first_error_of_the_compiler_is_told(tmp_path, module):
    done = imported(module.replace("expf(", "expx("), EGG_BUILD_DIR=str(tmp_path), EGG_CUDA_ARCH="90")
    assert "ImportError: NVRTC failed on kernel k0:" in done.stderr
    assert 'error: identifier "expx" is undefined' in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU to ask")
def test_without_a_gpu_the_architecture_must_be_told(tmp_path, module):
    done = imported(module, EGG_BUILD_DIR=str(tmp_path))
    assert done.returncode != 0 and "set EGG_CUDA_ARCH" in done.stderr


def test_compiled_kernels_of_a_build_are_shared(tmp_path):
    store = BuildStore(tmp_path)
    for name in ("a.cubin", "b.txt"):
        (store.prepare("source") / name).touch()
    store.publish("source")
    assert [p.name for p in store.shared.iterdir()] == ["a.cubin"]


def test_a_machine_without_cupy_says_so():
    assert why_unavailable() is None
    hide = "import sys; sys.modules['cupy_backends'] = None; sys.modules['cupy_backends.cuda.libs'] = None\n"
    ask = "from operators.authors.expert.cuda.available import why_unavailable; print(why_unavailable())"
    assert "cuda13" in imported(hide + ask, PYTHONPATH=os.getcwd()).stdout
