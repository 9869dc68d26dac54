"""What is honest is accepted, however suspicious it looks."""

from __future__ import annotations

import shutil

import pytest
from entries import check, entries_in, entry, few_problems, one_in

INLINE = """
from torch.utils.cpp_extension import load_inline

CODE = "torch::Tensor total(torch::Tensor x) { return torch::cumsum(x, 1); }"
KERNELS = load_inline("egg_inline", cpp_sources=CODE, functions=["total"])
"""


@pytest.mark.parametrize("honest", one_in(12, entries_in("honest")), ids=str)
def test_honest_is_accepted(honest, evaluator_of):
    check(honest, evaluator_of)


@pytest.mark.chaos  # a minute of compiling
@pytest.mark.skipif(not shutil.which("ninja"), reason="load_inline needs ninja")
def test_an_extension_of_torch_is_accepted(evaluator_of):
    check(entry("load_inline", "running_total", "return KERNELS.total(x)", before=INLINE), evaluator_of)


@pytest.mark.parametrize("honest", few_problems(entries_in("honest")[1::9]), ids=str)
def test_honest_is_accepted_without_namespaces_too(honest, evaluator_of):
    check(honest, lambda problem: evaluator_of(problem, layers=frozenset(["landlock", "seccomp"])))
