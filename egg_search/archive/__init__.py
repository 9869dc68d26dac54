"""The population: niches by structure signature and precision class, each keeping its best, and the Pareto front.

An archive holds no state of its own that a journal does not: adding the journal's verdicts in order rebuilds it.
"""

from egg_search.archive.admission import Admission
from egg_search.archive.archive import AddResult, AddStatus, Archive
from egg_search.archive.elite import BASELINE, Elite, gained, score, speedup
from egg_search.archive.front import pareto_front

__all__ = [
    "BASELINE",
    "AddResult",
    "AddStatus",
    "Admission",
    "Archive",
    "Elite",
    "gained",
    "pareto_front",
    "score",
    "speedup",
]
