"""The end of a search: what looks best is judged again, in full and with fresh seeds, before it is reported.

Screening picks the luckiest of many noisy measurements; only a second, independent one is an honest number.
"""

from __future__ import annotations

from egg_search.archive import Elite
from egg_search.campaign.events import Observer
from egg_search.campaign.interrupt import Interrupt
from egg_search.campaign.state import State
from egg_search.cluster import Cluster, Task, judge_all
from egg_search.core.step import Job
from egg_search.core.verdict import PrecisionClass, Verdict
from egg_search.rundir import Journal
from evaluator.settings import Effort

CONTENDERS = 3  # of each precision class


def certify(state: State, cluster: Cluster, journal: Journal, observer: Observer, interrupt: Interrupt) -> bool:
    """Judges the front and the contenders, further ones where none of a class stands, and records the verdicts; those
    that stand are the result. False when interrupted."""
    judged: dict[tuple[str, str], tuple[Job, Verdict]] = {}
    stands: set[PrecisionClass] = set()
    count = CONTENDERS
    cluster.renew([_task(state, each) for each in _contenders(state, count)])
    while waiting := [e for e in _contenders(state, count) if e.job.key not in judged and e.precision not in stands]:
        tasks = [_task(state, each) for each in waiting]
        for index, verdict in judge_all(cluster, tasks, best_ms=lambda: None):
            elite = waiting[index]
            observer.on_certified(elite, verdict)
            judged[elite.job.key] = Job(elite.job.candidate, elite.job.configuration, Effort.FULL), verdict
            if interrupt.asked:
                return False
        stands |= {e.precision for e in waiting if judged[e.job.key][1].ok}
        count += CONTENDERS
    journal.certify(list(judged.values()))
    return True


def _task(state: State, elite: Elite) -> Task:
    return Task(state.drafts[elite.job.candidate].candidate, elite.job.configuration, Effort.FULL)


def _contenders(state: State, count: int) -> list[Elite]:
    """The front, and the `count` of each class that are fastest even when unlucky."""
    found = [*state.archive.contenders(count), *state.archive.front()]
    return list({elite.job.key: elite for elite in found}.values())
