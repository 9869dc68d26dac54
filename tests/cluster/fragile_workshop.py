"""A workshop whose workers die. A module of its own, so that workers can import it."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from search_fakes import FakeJudge, FakeWorkshop, Report

from egg_search.core.errors import UserError
from egg_search.core.verdict import Outcome


@dataclass(frozen=True)
class FragileWorkshop(FakeWorkshop):
    """Builds fail on demand; a measuring worker dies once at sources with "fragile", always at those with "deadly"."""

    scratch: Path | None = None

    def build(self, source):
        if "TILE_N = 16" in source:
            return Report(Outcome.BUILD_FAILED, "no such tile", 0.1)
        if "K0_CHUNK = 8" in source:
            os._exit(5)
        return Report()

    def judge(self):
        judge = FragileJudge(self.pause, self.log_path, self.dies_on)
        judge.died = self.scratch / "died"
        return judge


class FragileJudge(FakeJudge):
    def judge(self, candidate, *rest):
        if "fragile" in candidate.source and not self.died.exists():
            self.died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "no baseline" in candidate.source:
            raise UserError("baseline eager died")
        return super().judge(candidate, *rest)
