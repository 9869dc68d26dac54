"""Stage two: block sizes, vector widths, unrolling."""

from __future__ import annotations

from egg_search.core.knobs import Lever
from operators.stage_two import StageTwoOperator


class Tiling(StageTwoOperator):
    """Changes the lever tiling of its parent."""

    name = "tiling"
    lever = Lever.TILING


OPERATOR = Tiling()
