"""Every bundled problem at the sizes of a GPU is computed by generated Triton kernels, and by no call of torch."""

import ast

import pytest

pytest.importorskip("triton")

from bundled_kernels import candidates

from egg_search.problems import bundled


@pytest.mark.parametrize("name", bundled())
def test_nothing_is_left_to_torch(name):
    ((kinds, left, text),) = candidates(bundled()[name], 1)
    assert kinds and left == []
    ast.parse(text)
