"""Stage two: which task, thread or vector lane does which part of the work."""

from __future__ import annotations

from egg_search.core.knobs import Lever
from operators.stage_two import StageTwoOperator


class Mapping(StageTwoOperator):
    """Changes the lever mapping of its parent."""

    name = "mapping"
    lever = Lever.MAPPING


OPERATOR = Mapping()
