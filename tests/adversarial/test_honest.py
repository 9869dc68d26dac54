"""What is honest is accepted, however suspicious it looks."""

from __future__ import annotations

import shutil

import pytest
from entries import check, entries_in, entry

INLINE = """
from torch.utils.cpp_extension import load_inline

CODE = "torch::Tensor total(torch::Tensor x) { return torch::cumsum(x, 1); }"
KERNELS = load_inline("egg_inline", cpp_sources=CODE, functions=["total"])
"""


# Honest, and refused: the run stage starts no process, and sees of the build stage EGG_BUILD_DIR only.
LIMITS = {
    "compiled at import, after a look at the compiler's version": "starts a compiler at each import",
    "compiled into the temporary directory": "finds nothing there in the run stage",
}
LOAD_INLINE = "takes a lock beside its results, and starts ninja at each import"


def _cases() -> list:
    limits = {name: pytest.mark.xfail(strict=True, reason=reason) for name, reason in LIMITS.items()}
    return [pytest.param(each, marks=limits.get(each.name, ())) for each in entries_in("honest")]


@pytest.mark.parametrize("honest", _cases(), ids=str)
def test_honest_is_accepted(honest, evaluator_of):
    check(honest, evaluator_of)


@pytest.mark.chaos  # a minute of compiling
@pytest.mark.xfail(strict=True, reason=LOAD_INLINE)
@pytest.mark.skipif(not shutil.which("ninja"), reason="load_inline needs ninja")
def test_an_extension_of_torch_is_accepted(evaluator_of):
    check(entry("load_inline", "running_total", "return KERNELS.total(x)", before=INLINE), evaluator_of)
