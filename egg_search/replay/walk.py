"""A recorded campaign, told to a fresh state event by event."""

from __future__ import annotations

from contextlib import suppress

from egg_search.campaign.turns import Turns
from egg_search.replay.difference import Difference
from egg_search.replay.recording import Recording, told
from egg_search.rundir import Event, StepRecord


class Walk:
    """`look` sees every event before the state is told of it."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.state, self.planner = recording.begin()
        self._turns = Turns()
        self._session: int | None = None

    def run(self) -> None:
        """Raises Difference, with the event where it is."""
        for number, event in enumerate(self.recording.events):
            try:
                self._take(event)
            except Difference as difference:
                difference.at = number
                raise

    def look(self, event: Event, record: StepRecord) -> None:
        """Raises Difference."""
        raise NotImplementedError

    def new_session(self) -> None:
        """Its survey is known."""

    def _take(self, event: Event) -> None:
        if event.session != self._session:
            self._session = event.session
            self.planner.survey = self.recording.surveys.get(event.session)
            self.new_session()
        changed = event in self.recording.changed
        with suppress(*([LookupError, ValueError, TypeError] if changed else [])):
            record = self.recording.steps[event.step]
            self.look(event, record)
            self.state.tell(event, record, self._turns)
        if changed:
            raise Difference(told(event))
