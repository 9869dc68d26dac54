"""Runs a campaign on each of several problems; what is finished is skipped, what was begun goes on."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from egg_search.campaign import Campaign, Observer, Settings, load_result
from egg_search.campaign.driver import EXHAUSTED, INTERRUPTED
from egg_search.core.errors import UserError
from egg_search.rundir import DiskFull, RunDirectory

Watch = Callable[[str], AbstractContextManager[Observer]]  # of a problem's name


@dataclass
class Suite:
    """`runs` is where run directories go. `settings` are shared: the problem's path is filled in."""

    runs: Path
    problems: Mapping[str, Path]
    settings: Settings
    failures: dict[str, str] = field(default_factory=dict)  # problem to why it has no result

    def run(self, watch: Watch) -> bool:
        """False when it was interrupted. A problem that fails is noted and the others go on; a full disk ends all."""
        return all(self.search(name, watch) for name in self.pending())

    def search(self, name: str, watch: Watch) -> bool:
        """One of the problems, as `run` does it."""
        try:
            campaign = self._campaign(name, self.problems[name])
            with watch(name) as observer:
                result = campaign.run(observer)
        except DiskFull:
            raise
        except UserError as error:
            self.failures[name] = str(error)
        except Exception as error:  # a bug, shown in full; hours of other problems are not lost to it
            traceback.print_exc()
            self.failures[name] = f"a bug: {type(error).__name__}"
        else:
            return result.why != INTERRUPTED
        return True

    def pending(self) -> list[str]:
        """Problems whose search is not finished."""
        return [name for name in self.problems if not self._finished(name)]

    def done(self) -> list[Path]:
        """The run directories there are, in the order of the problems."""
        return [self.runs / name for name in self.problems if (self.runs / name).is_dir()]

    def _campaign(self, name: str, path: Path) -> Campaign:
        directory = self.runs / name
        if directory.exists():
            self._require_same_search(directory)
            return Campaign.resume(directory, self.settings.budget_s, self.settings.max_evaluations)
        self.runs.mkdir(parents=True, exist_ok=True)
        return Campaign.create(replace(self.settings, problem=str(path)), directory)

    def _require_same_search(self, directory: Path) -> None:
        """One table holds searches of one kind. Raises UserError when this one was begun with other settings."""
        begun = Settings.from_json(RunDirectory(directory).settings()["settings"])
        for name in ("seed", "precision", "library_ports", "max_autotune", "profile"):
            was, now = getattr(begun, name), getattr(self.settings, name)
            if was != now:
                raise UserError(f"{directory} was begun with {name} {was}, not {now}; use another --out")

    def _finished(self, name: str) -> bool:
        """Searched for the whole budget, which may be more than an earlier one, or until nothing was left to try."""
        if not (self.runs / name).exists():
            return False
        result, settings = load_result(self.runs / name), self.settings
        spent = settings.budget_s is not None and result.elapsed >= settings.budget_s
        used_up = settings.max_evaluations is not None and result.evaluations >= settings.max_evaluations
        return result.why not in (None, INTERRUPTED) and (spent or used_up or result.why == EXHAUSTED)
