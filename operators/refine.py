"""Stage one: another algorithm for a part of a structure that works."""

from __future__ import annotations

from operators.checked import CheckedOperator


class Refine(CheckedOperator):
    """Any change of the parent. One that leaves the structure as it was comes last: that is stage two's work."""

    name = "refine"
    stage = 1


OPERATOR = Refine()
