"""What a step costs a campaign: seconds of its search, and what was paid for, as seconds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from egg_search.core.errors import UserError
from egg_search.core.step import Step
from operators.authors.llm.models.record_reader import Reader
from operators.authors.llm.models.record_schema import FILE
from operators.authors.llm.models.usage import Spending

SECONDS_OF_MONEY = 1200.0  # for a unit of money: a GPU to measure on is rented for about three an hour
MONEY_OF_TOKENS = 1e-6  # for a token of a model without a price: what servers take for an open model's


class Costs:
    """Of the campaign in `directory`. `spent` is what models took in all, until the last step that was asked about;
    None where none was asked."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.spent: Spending | None = None

    def of(self, step: Step, timings: Mapping[str, float]) -> float:
        """Waiting for an author costs nothing: others go on meanwhile."""
        return timings.get("build", 0.0) + timings.get("run", 0.0) + as_seconds(self._spent(step))

    def _spent(self, step: Step) -> Spending:
        """On its calls, in earlier sessions too."""
        if step.author and (self._directory / FILE).exists():
            with suppress(UserError), Reader.open(self._directory) as record:  # authors tell of a broken record
                self.spent = record.spending()
                return record.spending(step.number)
        return Spending()


def as_seconds(spent: Spending) -> float:
    money = spent.tokens * MONEY_OF_TOKENS if spent.cost is None else spent.cost
    return money * SECONDS_OF_MONEY
