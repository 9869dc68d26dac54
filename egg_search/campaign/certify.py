"""The end of a search: what looks best is judged again, in full and with fresh seeds, before it is reported.

Screening picks the luckiest of many noisy measurements; only a second, independent one is an honest number.
"""

from __future__ import annotations

from egg_search.campaign.events import Observer
from egg_search.campaign.interrupt import Interrupt
from egg_search.campaign.state import State
from egg_search.cluster import Cluster, Task
from egg_search.core.step import Job
from egg_search.core.verdict import Verdict
from egg_search.rundir import Journal
from evaluator.settings import Effort

CONTENDERS = 3  # of each precision class


def certify(state: State, cluster: Cluster, journal: Journal, observer: Observer, interrupt: Interrupt) -> bool:
    """Judges the contenders and records the verdicts; those that stand are the result. False when interrupted."""
    contenders = state.archive.contenders(CONTENDERS)
    tasks = [Task(state.drafts[e.job.candidate].candidate, e.job.configuration, Effort.FULL) for e in contenders]
    judged: list[tuple[Job, Verdict]] = []
    cluster.renew()
    for index, verdict in cluster.judge(tasks, best_ms=lambda: None) if tasks else ():
        elite = contenders[index]
        observer.on_certified(elite, verdict)
        judged.append((Job(elite.job.candidate, elite.job.configuration, Effort.FULL), verdict))
        if interrupt.asked and len(judged) < len(tasks):
            return False
    journal.certify(judged)
    return True
