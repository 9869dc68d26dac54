"""The end of a campaign again: the same contenders are judged a second time, by the record, and make the same front."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from egg_search.archive import Elite, pareto_front
from egg_search.campaign import Observer
from egg_search.campaign.certify import certify
from egg_search.campaign.state import State
from egg_search.cluster import Key, Task
from egg_search.core.step import Job, configuration_key
from egg_search.core.verdict import Verdict
from egg_search.replay.difference import Difference, require_equal
from egg_search.replay.recording import Recording
from egg_search.rundir import CERTIFIED


def certified_again(recording: Recording, state: State) -> list[Elite]:
    """The front; without a second judgement that of the search. Raises Difference."""
    if not recording.certified:
        return state.archive.front()
    judge, results = _Judge(recording), []
    keeps: Any = SimpleNamespace(certify=results.extend)
    certify(state, judge, keeps, Observer(), SimpleNamespace(asked=False))
    require_equal("second judgements", sorted(judge.verdicts), sorted(job.key for job, _ in results))
    if any(event.kind == CERTIFIED for event in recording.changed):
        raise Difference("second judgements: the record is not what was written then")
    admitted = [each for each in recording.certified if recording.settings.admission(each[1])]
    front = pareto_front(Elite(job, state.drafts[job.candidate].signature, verdict) for job, verdict in admitted)
    require_equal("point of the front", recording.front, tuple(front))
    return front


class _Judge:
    """A cluster, as far as certification needs one."""

    def __init__(self, recording: Recording) -> None:
        self.verdicts: dict[tuple[str, str], Verdict] = {job.key: verdict for job, verdict in recording.certified}
        self._submitted: deque[tuple[Key, Task]] = deque()

    def renew(self, ahead: Sequence[Task]) -> None:
        pass

    def clear(self) -> None:
        self._submitted.clear()

    def submit(self, key: Key, task: Task) -> None:
        self._submitted.append((key, task))

    def take(self, best_ms: object) -> tuple[Key, Verdict]:
        key, task = self._submitted.popleft()
        job = Job(task.candidate.id, task.configuration)
        if job.key not in self.verdicts:
            what = f"{job.candidate} with {configuration_key(task.configuration)}"
            raise Difference(f"second judgements: {what} was not judged again then, and is now")
        return key, self.verdicts[job.key]
