"""How far policies come on the same recorded data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import exp
from pathlib import Path

from egg_search.archive import Archive, Elite
from egg_search.campaign.turns import Turns
from egg_search.cluster import Workshop
from egg_search.core.errors import UserError
from egg_search.replay.recording import Recording
from egg_search.replay.simulated import Simulation

SHARES = (0.25, 0.5, 0.75, 1.0)  # of the recorded evaluations, where the best so far is looked at


@dataclass(frozen=True)
class Curve:
    """`best` is the best speedup over eager after each verdict, 0 while there is none; `total` how many verdicts were
    recorded; `front` what the search ended with, without a second judgement."""

    policy: str
    best: tuple[float, ...]
    total: int
    front: tuple[Elite, ...]
    misses: int = 0

    def after(self, share: float) -> float:
        """A policy that ended earlier keeps what it had."""
        seen = self.best[: max(1, round(share * self.total))]
        return seen[-1] if seen else 0.0


def compare(
    path: Path, schedulers: Sequence[str], seed: int | None = None, workshop: Workshop | None = None
) -> list[Curve]:
    """The recorded campaign first. `seed`: of the others, None: the recorded one. Raises UserError."""
    recording = Recording.open(path, workshop)
    if recording.evaluations == 0:
        raise UserError(f"{path}: no verdicts are recorded; there is nothing to compare on")
    seed = recording.settings.seed if seed is None else seed
    return [_recorded(recording), *(_simulated(recording, name, seed) for name in schedulers)]


def _recorded(recording: Recording) -> Curve:
    archive, best = Archive(recording.settings.admission), []
    turns = Turns()
    drafts = (draft for record in recording.steps.values() for draft in record.drafts)
    signatures = {draft.candidate.id: draft.signature for draft in drafts if hasattr(draft, "signature")}
    for event in recording.events:
        turns.follow(event, recording.steps[event.step])
        for _, job, verdict in turns.counting():
            archive.add(job, signatures[job.candidate], verdict)
            best.append(_best(archive))
    name = f"recorded ({recording.settings.scheduler}, seed {recording.settings.seed})"
    return Curve(name, tuple(best), recording.evaluations, tuple(archive.front()))


def _simulated(recording: Recording, scheduler: str, seed: int) -> Curve:
    simulation = Simulation(recording, replace(recording.settings, scheduler=scheduler, seed=seed))
    archive, total = simulation.state.archive, recording.evaluations
    best = tuple(_best(archive) for _ in islice(simulation.run(), total))
    return Curve(f"{scheduler}, seed {seed}", best, total, tuple(archive.front()), simulation.misses)


def _best(archive: Archive) -> float:
    best = archive.best()
    return exp(best.score) if best else 0.0
