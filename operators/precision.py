"""Stage two: what arithmetic: pieces of float32 on tensor cores, how long sums are added up."""

from __future__ import annotations

from egg_search.core.knobs import Lever
from operators.stage_two import StageTwoOperator


class Precision(StageTwoOperator):
    """Changes the lever precision of its parent."""

    name = "precision"
    lever = Lever.PRECISION


OPERATOR = Precision()
