"""Where agents ask: which model, whether the budget allows it, and what was paid for before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from operators.authors.llm.models.base import About, ModelError, OutOfBudget, Prompt, Reply
from operators.authors.llm.models.budget import Budget
from operators.authors.llm.models.calls import call_of, key_of
from operators.authors.llm.models.failures import Backoff, CallFailed
from operators.authors.llm.models.flights import Flights
from operators.authors.llm.models.record import Record
from operators.authors.llm.models.seats import Seat, by_weight
from operators.authors.llm.models.settings import Limits, ModelSettings
from operators.authors.llm.models.usage import Spending, Usage, most, tokens_sent


class ModelDesk:
    """Thread-safe. Which model gets a prompt depends on `seed` and the prompt alone; when it has no reply the others
    are asked, in an order that depends on the same."""

    def __init__(
        self,
        seats: Sequence[Seat],
        record: Record,
        limits: Limits,
        seed: int = 0,
        backoff: Backoff | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.seats, self.record, self.limits = tuple(seats), record, limits
        self._seed, self._backoff = seed, backoff or Backoff()
        self._budget = Budget(limits, record.spending)
        self._flights: Flights[Reply] = Flights()
        self._closing = threading.Event()
        self._sleep = sleep or self._closing.wait

    def ask(self, prompt: Prompt, about: About) -> Reply:
        """Raises ModelError, OutOfBudget before a call that the budget does not allow, UserError when the record cannot
        be written."""
        key = key_of(prompt, [seat.settings for seat in self.seats])

        def work() -> Reply:
            return self._known(key, prompt, about) or self._ask_anybody(key, prompt, about)

        try:
            reply, ours = self._flights.share(key, work)
        except ModelError as error:
            raise type(error)(str(error), final=error.final) from None  # one a thread: it carries a traceback
        return reply if ours else self._known(key, prompt, about) or reply

    def spent(self) -> Spending:
        """By this campaign so far, earlier sessions included."""
        return self.record.spending()

    def close(self) -> None:
        """Ends what is in flight; those who wait get a ModelError. The record stays readable until they are gone."""
        self._closing.set()
        for seat in self.seats:
            seat.model.close()

    def _known(self, key: str, prompt: Prompt, about: About) -> Reply | None:
        """A reply that was paid for, and a line in the record that says so."""
        found = self.record.reply_to(key)
        if found is None:
            return None
        number, reply = found
        free = replace(reply, tokens_in=0, tokens_out=0, tokens_cached=0, seconds=0.0, cost=0.0)
        self.record.append(call_of(key, prompt, about, free, reused=number))
        return replace(reply, reused=True)  # all else as it was: prompts that quote it stay the same

    def _ask_anybody(self, key: str, prompt: Prompt, about: About) -> Reply:
        error: ModelError | None = None
        for seat in by_weight(self.seats, self._seed, key, about.preference):
            if seat.broken:
                continue
            try:
                return self._insist(seat, key, prompt, about)
            except OutOfBudget:
                raise
            except ModelError as failure:
                error = failure
                if failure.final:
                    seat.broken = str(failure)
        broken = [seat.broken for seat in self.seats if seat.broken]
        raise ModelError(str(error) if error else broken[0], final=len(broken) == len(self.seats))

    def _insist(self, seat: Seat, key: str, prompt: Prompt, about: About) -> Reply:
        """Asks one model until it replies or asking is in vain. It keeps its slot between attempts: a server that had
        too many requests gets fewer."""
        attempt = 0
        with seat.slots:
            while True:
                attempt += 1
                try:
                    return self._call(seat, key, prompt, about, attempt)
                except CallFailed as failure:
                    wait = self._backoff.wait(failure, attempt)
                    if wait is None:
                        tried = f" (after {attempt} attempts)" if failure.retry and attempt > 1 else ""
                        raise ModelError(f"{failure}{tried}", failure.final) from None
                if wait:
                    self._sleep(wait)

    def _call(self, seat: Seat, key: str, prompt: Prompt, about: About, attempt: int) -> Reply:
        """One call, within the budget and on the record."""
        usage = most(prompt)
        price = seat.settings.cost(usage)
        with self._budget.allow(Spending(1, tokens_in=usage.tokens_in, tokens_out=usage.tokens_out, cost=price)):
            if self._closing.is_set():
                raise ModelError(f"{seat.settings.name}: the search ends")
            started = time.monotonic()
            try:
                reply = seat.model.complete(prompt)
            except BaseException as error:  # one that was interrupted may have to be paid for, too
                failed = _failed(seat.settings, error, prompt, time.monotonic() - started)
                self.record.append(call_of(key, prompt, about, failed, attempt, error=failed.text))
                raise
            self.record.append(call_of(key, prompt, about, reply, attempt))
            return reply


def _failed(settings: ModelSettings, error: BaseException, prompt: Prompt, seconds: float) -> Reply:
    """What a call without a reply took. Its text is the reason."""
    if isinstance(error, CallFailed):
        why, used = str(error), error.usage
    else:
        why, used = f"{settings.name}: interrupted ({type(error).__name__})", Usage(tokens_sent(prompt), estimated=True)
    numbers = (used.tokens_in, used.tokens_out, used.tokens_cached, seconds, settings.cost(used))
    return Reply(why, settings.name, *numbers, estimated=used.estimated)
