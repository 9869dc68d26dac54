"""Stage two: where data waits: packing, prefetching, streaming stores."""

from __future__ import annotations

from egg_search.core.knobs import Lever
from operators.stage_two import StageTwoOperator


class Staging(StageTwoOperator):
    """Changes the lever staging of its parent."""

    name = "staging"
    lever = Lever.STAGING


OPERATOR = Staging()
