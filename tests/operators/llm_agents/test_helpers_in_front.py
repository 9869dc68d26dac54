"""What is put in front of a model's file, and that the examples in the prompts are candidates that work."""

import os
import subprocess
import sys

import pytest
from agent_briefs import PROBLEM
from agent_desk import recorded

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.problem import Problem
from egg_search.core.signature import signature
from evaluator.static import LIBRARY_ONLY, has_flag, static_flags
from operators.authors.llm.helpers import completed
from operators.authors.llm.prompts.template import text
from operators.authors.llm.replies.file import read_file

TWICE = Problem(
    "twice",
    """from __future__ import annotations
import torch
class Model(torch.nn.Module):
    def forward(self, x):
        return x * 2.0
def get_inputs():
    return [torch.randn(50, 100)]
def get_init_inputs():
    return []
""",
)
CHECK = """
x = get_inputs()[0]
assert torch.equal(ModelNew()(x), x * 2.0) and torch.equal(ModelNew()(x.T), x.T * 2.0)
assert torch.equal(ModelNew()(x[:7]), x[:7] * 2.0)
"""


def example(dialect):
    return completed(read_file(text(f"dialect_{dialect}")), TWICE.effective_source, dialect)


@pytest.mark.parametrize("dialect", Dialect)
def test_the_example_of_each_dialect_is_a_candidate(dialect):
    candidate = Candidate(example(dialect), dialect)
    flags = static_flags(candidate.source)
    assert all(has_flag([flag], LIBRARY_ONLY) for flag in flags) and bool(flags) is (dialect is Dialect.TORCH)
    for knob in candidate.knobs.values():
        for choice in knob.choices:
            other = candidate.bound({knob.name: choice})
            assert signature(other, dialect) == signature(candidate.source, dialect)
    assert len(candidate.knobs) >= (dialect is not Dialect.TORCH)


def test_the_cpp_example_computes_what_it_should(tmp_path):
    run({"example": example(Dialect.CPP) + CHECK}, tmp_path)


def test_triton_candidates_compute_what_they_should(tmp_path):
    """The example, and what a coder by hand wrote, in Triton's interpreter."""
    source = completed(read_file(recorded("coder")), PROBLEM.effective_source, Dialect.TRITON)
    small = source.replace("tokens = 5120", "tokens = 12").replace("(5120", "(12")
    check = "x = get_inputs()[0]\nmodel = ModelNew(*get_init_inputs())\n"
    check += "assert torch.allclose(model(x), model.norm(x), atol=1e-5) and model._fits\n"
    run({"example": example(Dialect.TRITON) + CHECK, "coder": small + check}, tmp_path, TRITON_INTERPRET="1")


def test_the_cuda_example_compiles_without_a_gpu(tmp_path):
    pytest.importorskip("cupy_backends.cuda.libs.nvrtc")
    run({"example": example(Dialect.CUDA)}, tmp_path, EGG_CUDA_ARCH="90", CUDA_VISIBLE_DEVICES="")
    assert list((tmp_path / "build").glob("*.cubin"))


def run(sources, folder, **environment):
    """All in one process: importing torch is what takes time."""
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    env = {**os.environ, "EGG_BUILD_DIR": str(folder / "build"), **environment}
    command = [sys.executable, "-c", f"import {', '.join(sources)}"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class TestCompleted:
    FILE = "class ModelNew(Model):\n    def forward(self, x):\n        return _egg_dense(x)\n"

    def test_the_problem_comes_first_and_helpers_only_where_they_are_used(self):
        found = completed(self.FILE, TWICE.effective_source, Dialect.CPP)
        assert found.startswith("from __future__") and found.endswith(self.FILE)
        assert "def _egg_dense" in found and "def _egg_load" not in found
        assert "_egg" not in completed(self.FILE.replace("_egg_dense", ""), TWICE.effective_source, Dialect.CPP)

    def test_what_a_helper_needs_comes_along(self):
        assert "_EGG_DEVICE =" in completed(self.FILE, TWICE.effective_source, Dialect.TRITON)

    def test_a_complete_file_stays_as_it_is(self):
        whole = completed(self.FILE, TWICE.effective_source, Dialect.CPP)
        assert completed(whole, TWICE.effective_source, Dialect.CPP) == whole

    def test_an_edit_that_needs_another_helper_gets_it(self):
        whole = completed(self.FILE, TWICE.effective_source, Dialect.CPP)
        edited = whole.replace("_egg_dense(x)", "_egg_load(x)")
        found = completed(edited, TWICE.effective_source, Dialect.CPP)
        assert found.startswith("from __future__") and found.count("def _egg_load") == 1
        compile(found, "found", "exec")

    def test_imports_from_the_future_are_the_problems(self):
        file = f'"""Mine."""\nfrom __future__ import annotations\n\n{self.FILE}'
        found = completed(file, TWICE.effective_source, Dialect.CPP)
        compile(found, "found", "exec")
        assert found.count("__future__") == 1

    def test_what_does_not_parse_stays_as_it_is(self):
        assert completed("class ModelNew(:", TWICE.effective_source, Dialect.CPP) == "class ModelNew(:"
