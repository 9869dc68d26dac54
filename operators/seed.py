"""Stage one: structures from scratch."""

from __future__ import annotations

from operators.checked import CheckedOperator


class Seed(CheckedOperator):
    """Anything that is a candidate. A structure that is known already is welcome, but comes last."""

    name = "seed"
    stage = 1
    needs_parent = False


OPERATOR = Seed()
