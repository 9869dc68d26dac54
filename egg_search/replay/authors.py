"""Authors that a replay runs again: those that ask models, from the record; others when it is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from egg_search.cluster.workshop import ASIDE
from egg_search.core.step import Step
from egg_search.replay.desk import RecordedDesk
from egg_search.replay.recording import Recording
from operators.authors.llm.author import LlmAuthor
from operators.authors.llm.models.settings import DeskSettings
from operators.base import Author, AuthorError, Brief, Draft, Refusal


class Authors:
    """`everybody`: those that compute, too, which takes as long as it did."""

    def __init__(self, recording: Recording, everybody: bool) -> None:
        self._recording, self._everybody = recording, everybody
        self._made: dict[str, Author] = {}
        self._desks: list[RecordedDesk] = []

    @property
    def answered(self) -> int:
        return sum(desk.answered for desk in self._desks)

    def again(self, name: str) -> bool:
        return name in ASIDE or (self._everybody and bool(name))

    def write(self, step: Step, brief: Brief) -> list[Draft | Refusal] | None:
        """What the step's author proposes now; None where it has no reply: it had none then."""
        try:
            return self._recording.workshop.propose(step.operator, brief, self._author(step.author))
        except AuthorError:
            return None

    def close(self) -> None:
        for desk in self._desks:
            desk.close()

    def _author(self, name: str) -> Author:
        if name not in self._made:
            self._made[name] = self._from_record(name) if name in ASIDE else self._recording.workshop.author(name)
        return self._made[name]

    def _from_record(self, name: str) -> Author:
        options = self._recording.settings.author_options.get(name, {})
        self._desks.append(RecordedDesk(self._recording.path, DeskSettings.from_json(options)))
        return LlmAuthor(self._desks[-1], name)


def had_no_reply(drafts: Sequence[Draft | Refusal]) -> bool:
    """Whether a campaign went on without the author, as the driver says it. The reason has figures of that moment."""
    return len(drafts) == 1 and isinstance(drafts[0], Refusal) and drafts[0].change == "no reply"
