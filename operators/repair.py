"""Fix what did not build or was wrong."""

from __future__ import annotations

from operators.checked import CheckedOperator


class Repair(CheckedOperator):
    """May change anything of a candidate that failed: a structure that cannot work has to move."""

    name = "repair"
    stage = 3


OPERATOR = Repair()
