"""One candidate's study: TPE over its knobs, around a start that the expert's default and its neighbours make."""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from math import prod

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from egg_search.core.knobs import Configuration, Knob, Lever, Value
from egg_search.core.step import configuration_key
from egg_search.tuning.sampler import AllKnobs

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

STARTUP = 8  # scored configurations before TPE has something to learn from
TRIES = 3  # TPE proposals for each configuration that is wanted: those it had before do not count
ENUMERABLE = 4096  # spaces up to this size are searched to the last configuration

Allowed = Callable[[Configuration], bool]


class Study:
    """`ask` proposes whole configurations that were never asked for; `tell` their scores (higher is better).

    `ask` is a function of its arguments and of what was told, so a study that is told a journal's verdicts goes on
    as the one that wrote them.
    """

    def __init__(self, knobs: Mapping[str, Knob]) -> None:
        self._knobs = dict(knobs)
        self._space = {name: CategoricalDistribution(knob.choices) for name, knob in self._knobs.items()}
        self._optuna = optuna.create_study(direction="maximize")
        self._seen: set[str] = set()  # asked for, told, or pruned by a constraint
        self._best: tuple[float, Configuration] | None = None
        self._scored = 0

    @property
    def size(self) -> int:
        """How many configurations there are, constraints aside."""
        return prod(len(knob.choices) for knob in self._knobs.values())

    @property
    def best(self) -> tuple[float, Configuration] | None:
        return self._best

    @property
    def scored(self) -> int:
        return self._scored

    def asked(self, configuration: Configuration) -> None:
        """Told of what an earlier session had from `ask`: it is not proposed again."""
        self._seen.add(configuration_key(configuration))

    def tell(self, configuration: Configuration, score: float | None) -> None:
        """`score` is None for a configuration that failed."""
        self._seen.add(configuration_key(configuration))
        configuration = {name: configuration[name] for name in self._knobs}
        failed = score is None
        trial = create_trial(
            state=TrialState.FAIL if failed else TrialState.COMPLETE,
            value=score,
            params=configuration,
            distributions=self._space,
        )
        self._optuna.add_trial(trial)
        if not failed:
            self._scored += 1
            if self._best is None or score > self._best[0]:
                self._best = score, configuration

    def ask(
        self,
        count: int,
        seed: int,
        allowed: Allowed = lambda _: True,
        first: Sequence[Configuration] = (),
        lever: Lever | None = None,
    ) -> list[dict[str, Value]]:
        """Up to `count` new configurations; fewer when no more are left, which is what `[]` means.

        `first` go first. Then, until there is something to learn from, come changes of one knob of the best
        configuration, those of `lever` before others; then TPE; then whatever is left.
        """
        rng = random.Random(seed)
        with closing(self._sampled(seed, TRIES * count)) as sampled:
            proposals = itertools.chain(first, self._neighbours(rng, lever), sampled, self._leftover(rng))
            return list(itertools.islice(self._fresh(proposals, allowed), count))

    def _fresh(self, proposals: Iterable[Configuration], allowed: Allowed) -> Iterator[dict[str, Value]]:
        for configuration in proposals:
            key = configuration_key(configuration)
            if key not in self._seen:
                self._seen.add(key)
                if allowed(configuration):
                    yield dict(configuration)

    def importances(self) -> dict[str, float]:
        """Each knob's share in what makes the better half better, largest first; empty before enough is told."""
        if self._scored < 4 or not self._knobs:
            return {}
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.5)
        return optuna.importance.get_param_importances(self._optuna, evaluator=evaluator)

    def _neighbours(self, rng: random.Random, lever: Lever | None) -> Iterator[dict[str, Value]]:
        if self._scored >= STARTUP or self._best is None:
            return
        best = self._best[1]
        changes = [(knob, value) for knob in self._knobs.values() for value in knob.choices]
        rng.shuffle(changes)
        changes.sort(key=lambda change: change[0].lever is not lever)
        for knob, value in changes:
            yield {**best, knob.name: value}

    def _sampled(self, seed: int, tries: int) -> Iterator[dict[str, Value]]:
        """TPE's proposals. A trial counts as running until the generator closes, so that the next one differs; what
        becomes of it is told as a trial of its own."""
        if not self._space:
            return
        self._optuna.sampler = AllKnobs(
            self._space, seed=seed, n_startup_trials=STARTUP, multivariate=True, constant_liar=True
        )
        running = []
        try:
            for _ in range(tries):
                trial = self._optuna.ask(self._space)
                running.append(trial)
                yield dict(trial.params)
        finally:
            for trial in running:
                self._optuna.tell(trial, state=TrialState.FAIL)

    def _leftover(self, rng: random.Random) -> Iterator[dict[str, Value]]:
        names, choices = list(self._knobs), [knob.choices for knob in self._knobs.values()]
        if self.size <= ENUMERABLE:
            everything = list(itertools.product(*choices))
            rng.shuffle(everything)
        else:
            everything = (tuple(rng.choice(each) for each in choices) for _ in range(ENUMERABLE))
        for values in everything:
            yield dict(zip(names, values, strict=True))
