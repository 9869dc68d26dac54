"""The desk of a replay: replies come from the record of calls, and from nowhere else."""

from __future__ import annotations

import hashlib
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from egg_search.replay.difference import Difference, shown
from operators.authors.llm.models.base import About, ModelError, OutOfBudget, Prompt, Reply
from operators.authors.llm.models.budget import exceeded
from operators.authors.llm.models.calls import Call, key_of
from operators.authors.llm.models.record_reader import Reader
from operators.authors.llm.models.record_schema import open_for_reading
from operators.authors.llm.models.settings import DeskSettings
from operators.authors.llm.models.usage import Spending, most


class RecordedDesk:
    """Thread-safe. `answered` counts the prompts that had a reply."""

    def __init__(self, directory: Path, settings: DeskSettings) -> None:
        """Raises Difference when a text of the record is not what was written, UserError where there is no record."""
        _check_texts(directory)
        self._record, self._settings = Reader.open(directory), settings
        self._lock = threading.Lock()
        self._calls: dict[int | None, list[Call]] = {}
        self.answered = 0

    def ask(self, prompt: Prompt, about: About, *_: Any, **__: Any) -> Reply:
        """What the step's author was told then: a reply, or that there is none. Raises Difference where it did not ask
        this."""
        key = key_of(prompt, self._settings.models)
        found = [call for call in self._of(about.step) if call.key == key]
        paid = self._record.reply_to(key)  # maybe in another step
        if paid is not None and any(call.reply is not None for call in found):
            with self._lock:
                self.answered += 1
            return paid[1]
        if found and found[-1].error is not None:
            raise ModelError(found[-1].error)
        if why := self._unaffordable(prompt):
            raise OutOfBudget(why)
        raise Difference(self._missing(prompt, about))

    def close(self) -> None:
        self._record.close()

    def _of(self, step: int | None) -> list[Call]:
        with self._lock:
            if step not in self._calls:
                self._calls[step] = self._record.calls(step)
            return self._calls[step]

    def _unaffordable(self, prompt: Prompt) -> str | None:
        """Calls that the budget did not allow are not in the record. What was spent in the end is no less than what was
        spent then, so where this says nothing the budget was no reason."""
        usage = most(prompt)
        call = Spending(1, tokens_in=usage.tokens_in, tokens_out=usage.tokens_out, cost=self._dearest(prompt))
        return exceeded(self._settings.budget, self._record.spending() + call)

    def _dearest(self, prompt: Prompt) -> float | None:
        costs = [model.cost(most(prompt)) for model in self._settings.models]
        return max((cost for cost in costs if cost is not None), default=None)

    def _missing(self, prompt: Prompt, about: About) -> str:
        """Where the prompt leaves the nearest of those that were asked in this step and role."""
        head = f"step {about.step}, the {about.role}"
        best: tuple[int, str] = (-1, f"{head} asks what it was not asked then")
        for call in self._of(about.step):
            if call.role == about.role:
                best = max(best, _first_change(head, call, prompt), key=lambda found: found[0])
        return best[1]


def _first_change(head: str, call: Call, prompt: Prompt) -> tuple[int, str]:
    """(how many lines are the same, what differs then)"""
    was = [line for turn in call.turns for line in (f"[{turn.role}]", *turn.text.splitlines())]
    now = [line for turn in prompt.turns for line in (f"[{turn.role}]", *turn.text.splitlines())]
    same = next(
        (n for n, pair in enumerate(zip(was, now, strict=False)) if pair[0] != pair[1]), min(len(was), len(now))
    )
    if was == now:
        return same, f"{head}: the reply is not in the record, or other models are asked, or with another schema"
    recorded, replayed = ((lines[same] if same < len(lines) else "(its end)") for lines in (was, now))
    return same, f"{head}, line {same + 1} of the prompt: recorded {shown(recorded)}, replayed {shown(replayed)}"


def _check_texts(directory: Path) -> None:
    with closing(open_for_reading(directory)) as db:
        for key, text in db.execute("SELECT hash, text FROM texts"):
            if hashlib.sha256(text.encode()).hexdigest() != key:
                raise Difference(f"calls.sqlite: a text is not what was recorded: {shown(text)}")
