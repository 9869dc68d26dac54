"""A campaign again, from its run directory: with neither network nor device.

    replay(Path("runs/my"))                    # the same steps, archive and front, or it raises Difference
    compare(Path("runs/my"), ["random"])       # what other policies would have made of the recorded data

`strict.py` walks the journal's events and computes again what was decided; `simulated.py` lets another scheduler
decide.
"""

from egg_search.replay.comparison import Curve, compare
from egg_search.replay.difference import Difference
from egg_search.replay.recording import Recording
from egg_search.replay.strict import Replay, replay

__all__ = ["Curve", "Difference", "Recording", "Replay", "compare", "replay"]
