"""Who gets the credit for what a step brought: operators with their authors, models, principles."""

from __future__ import annotations

import random
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from egg_search.core.step import TUNE, Step
from egg_search.schedulers.bandit import Bandit, Prior
from egg_search.schedulers.base import Feedback

LEAST_COST = 1.0  # seconds of a step: what takes less is cheap enough, and clocks do not tell it apart
FAVOUR = 4.0  # a model is preferred at most so much, and neglected: a user's weights still count


class Credit:
    """Three bandits, all of which weigh gain against cost."""

    def __init__(self, priors: Mapping[str, Prior]) -> None:
        self.operators, self.principles, self._models = Bandit(), Bandit(priors), Bandit()

    def give(self, step: Step, feedback: Feedback) -> None:
        """For a whole step; its cost is shared evenly by what came of it. A model answers for its drafts, also for
        those that were refused."""
        results = [result for result in feedback.results if result.at_fault]
        cost = max(LEAST_COST, feedback.cost)
        if not feedback.results and step.operator != TUNE:
            self.operators.update(arm(step), 0.0, cost)
        for result in results:
            self.operators.update(arm(step), result.gain, cost / len(results))
            for name in (feedback.principles or {}).get(result.candidate, ()):
                # They answer for how a draft starts; what tuning then gains is theirs too, what it loses is not.
                if step.operator != TUNE or result.gain > 0:
                    self.principles.update(name, result.gain, cost / len(results))
        if step.operator != TUNE:
            gains = [(feedback.models.get(result.candidate, ""), result.gain) for result in results]
            gains += [(model, 0.0) for model in feedback.refused]
            for model, gain in gains:
                if model:
                    self._models.update(f"{step.author}/{model}", gain, cost / len(gains))

    def preference(self, author: str, rng: random.Random) -> dict[str, float]:
        """How much more often than its weight says each of an author's models should be asked, by this draw. Empty
        while there is nothing to compare."""
        head = f"{author}/"
        drawn = self._models.draw([name for name in self._models.names() if name.startswith(head)], rng)
        if len(drawn) < 2:
            return {}
        usual = fmean(drawn.values())
        return {name.removeprefix(head): min(FAVOUR, max(1 / FAVOUR, each / usual)) for name, each in drawn.items()}

    def report(self) -> dict[str, Any]:
        """Each as `Bandit.report` lists it."""
        bandits = {"operators": self.operators, "principles": self.principles, "models": self._models}
        return {name: bandit.report() for name, bandit in bandits.items()}


def arm(step: Step) -> str:
    return f"{step.operator}/{step.author}" if step.author else step.operator
