"""A campaign: made by `create` or `resume`, run once."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from egg_search.campaign import lessons, opening
from egg_search.campaign.costs import Costs
from egg_search.campaign.driver import Driver
from egg_search.campaign.events import Observer
from egg_search.campaign.interrupt import Interrupt
from egg_search.campaign.isolation import require_layers
from egg_search.campaign.notices import notices
from egg_search.campaign.planning import Planner
from egg_search.campaign.result import Result, read_result
from egg_search.campaign.settings import Settings
from egg_search.campaign.state import State
from egg_search.cluster import CampaignWorkshop, Workshop, connect
from egg_search.core.hardware import Hardware, detect
from egg_search.core.problem import Problem
from egg_search.experience import StoreError
from egg_search.rundir import RunDirectory
from egg_search.schedulers.bandit import Prior
from evaluator.gate import machine_gate
from evaluator.settings import EvaluatorSettings
from principles.library import load


class Campaign:
    def __init__(self, directory: RunDirectory, settings: Settings, problem: Problem, workshop: Workshop) -> None:
        self.directory, self.settings = directory, settings
        self._problem, self._workshop = problem, workshop
        self.troubles: list[str] = []  # with the store of experience, which nothing depends on

    @classmethod
    def create(cls, settings: Settings, path: Path, workshop: Workshop | None = None) -> Campaign:
        """A new campaign in a new run directory. Raises UserError, with nothing written, on bad input."""
        hardware = workshop.hardware if workshop else detect(settings.device)
        problem = Problem.from_file(settings.problem, settings.overrides, settings.profile)
        load(settings.principles)
        require_layers(settings.isolation)
        workshop = workshop or _workshop(settings, problem, path, hardware)
        workshop.check()
        priors, troubles = _priors(settings, problem, workshop.hardware)
        directory = opening.create(path, settings, problem, workshop.hardware, priors)
        campaign = cls(directory, settings, problem, workshop)
        campaign.troubles += troubles
        return campaign

    @classmethod
    def resume(
        cls,
        path: Path,
        budget_s: float | None = None,
        max_evaluations: int | None = None,
        workshop: Workshop | None = None,
        ray_address: str | None = None,
    ) -> Campaign:
        """An earlier campaign, with other budgets (totals) and on another cluster where given. Raises UserError where
        it cannot go on."""
        directory = RunDirectory(path)
        hardware = workshop.hardware if workshop else opening.same_kind(directory)
        settings, problem = opening.reopen(directory, hardware)
        settings = opening.with_budget(settings, budget_s, max_evaluations)
        require_layers(settings.isolation)
        settings = replace(settings, ray_address=ray_address or settings.ray_address)
        return cls(directory, settings, problem, workshop or _workshop(settings, problem, path, hardware))

    def notices(self) -> list[str]:
        """What to know of this machine before `run`."""
        return [*notices(self._workshop.hardware, self.settings.device, self.settings.dialects), *self.troubles]

    def run(self, observer: Observer | None = None) -> Result:
        """Searches until a budget ends, nothing is left to try, or Ctrl-C; unless interrupted, certifies the front.

        Raises UserError when it cannot go on (disk full, an author or all workers gone); it can then be resumed.
        """
        observer = observer or Observer()
        with ExitStack() as stack:
            stack.callback(self.directory.lock().release)
            journal = stack.enter_context(closing(self.directory.write()))
            state = self._state()
            turns, unplanned = state.replay(journal.steps(), journal.events())
            observer.on_start(self.settings, state.evaluations)
            observer.on_phase("starting workers")
            interrupt = stack.enter_context(Interrupt())
            cluster = stack.enter_context(closing(connect(self._workshop, self.settings.ray_address)))
            planner = Planner(self.settings, self._problem, self._workshop.hardware, self._library, state)
            costs = Costs(self.directory.path)
            driver = Driver(self.settings, journal, state, turns, planner, cluster, observer, interrupt, costs)
            driver.run(unplanned)
            self._remember(state)
            result = read_result(journal, self.settings)
        observer.on_end(result)
        return result

    def _state(self) -> State:
        self._library = load(self.settings.principles)
        operators, priors = self._workshop.operators(), opening.priors_of(self.directory)
        return State(self.settings, self._workshop.hardware, self._library, operators, priors)

    def _remember(self, state: State) -> None:
        """What the campaign found out of principles so far, for later ones."""
        if not self.settings.experience:
            return
        try:
            lessons.remember(opening.id_of(self.directory), self._problem, self._workshop.hardware, state)
        except StoreError as error:
            if str(error) not in self.troubles:
                self.troubles.append(str(error))


def _priors(settings: Settings, problem: Problem, hardware: Hardware) -> tuple[dict[str, Prior], list[str]]:
    """What earlier campaigns let this one expect, or why that is not known."""
    try:
        return (lessons.priors(problem, hardware) if settings.experience else {}), []
    except StoreError as error:
        return {}, [str(error)]


def _workshop(settings: Settings, problem: Problem, path: Path, hardware: Hardware) -> Workshop:
    settings.require_dialects(hardware)
    evaluator = EvaluatorSettings(
        accept=settings.precision,
        max_autotune=settings.max_autotune,
        gate_path=machine_gate(),
        build_seconds=settings.build_timeout_s,
    )
    build_dir = Path(path).absolute() / "build"
    return CampaignWorkshop(
        *(problem, hardware, build_dir, evaluator, settings.authors, settings.author_options),
        directory=Path(path).absolute(),
        seed=settings.seed,
    )
