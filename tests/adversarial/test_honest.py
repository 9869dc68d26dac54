"""What is honest is accepted, however suspicious it looks."""

from __future__ import annotations

import pytest
from entries import check, entries_in


@pytest.mark.parametrize("honest", entries_in("honest"), ids=str)
def test_honest_is_accepted(honest, evaluator_of):
    check(honest, evaluator_of)
