"""A finished run, written through the run directory's own API: two structures, three candidates, a front of two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from egg_search.campaign import Settings
from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.core.step import TUNE, Job, Step
from egg_search.core.survey import Survey
from egg_search.core.verdict import Errors, Interval, Outcome, PrecisionClass, Timing, Verdict
from egg_search.rundir import RunDirectory
from operators.base import Draft, Refusal

PROBLEM = """
import torch
import torch.nn as nn

rows, dim = 4, 16


class Model(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim))

    def forward(self, x):
        return x * self.weight


def get_inputs():
    return [torch.randn(rows, dim)]


def get_init_inputs():
    return [dim]
"""

KERNEL = '''"""A candidate in plain torch."""
# egg-facts: {{"K0": {{"kind": "nest"}}}}
import torch
import torch.nn as nn

K0_TILE = 2  # knob tiling: 1 | 2 | 4
NAME = "{name}"


class ModelNew(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim))

    def forward(self, x):
        return torch.cat([part * self.weight for part in x.chunk(K0_TILE)])
'''

MACHINE = {
    "id": "imaginary",
    "hardware": Hardware("cpu", "Imaginary 9000", 2, 32, 32 << 10, 1 << 20, 16 << 20, 8 << 30).facts(),
    "versions": {"python": "3.11.0", "torch": "2.13.0"},
}
EAGER_MS, COMPILE_MS = 10.0, 8.0
SURVEY = Survey({"eager": EAGER_MS, "compile": COMPILE_MS})


def candidate(name: str) -> Candidate:
    return Candidate(KERNEL.format(name=name), Dialect.CPP)


def ok(ms: float, precision: PrecisionClass = PrecisionClass.FAITHFUL, norm: float = 1e-7) -> Verdict:
    def over(baseline: float) -> Interval:
        return Interval(baseline / ms, baseline / ms * 0.99, baseline / ms * 1.01)

    timing = Timing(
        Interval(ms, ms * 0.99, ms * 1.01),
        {"eager": EAGER_MS, "compile": COMPILE_MS},
        {"eager": over(EAGER_MS), "compile": over(COMPILE_MS)},
        20,
        0.02,
    )
    errors = Errors(norm, 2 * norm, 0.1, 1e-7, precision)
    return Verdict(Outcome.OK, errors=errors, timing=timing, generated_share=0.9)


def fabricate(
    path: Path,
    name: str = "scale",
    certified: bool = True,
    speed: float = 1.0,
    flags: tuple[str, ...] = (),
    survey: Survey = SURVEY,
) -> Path:
    """`speed` scales all that was found, `flags` are the fastest's; without `certified` the driver was killed."""
    problem = Problem(name, PROBLEM)
    settings = Settings(f"{name}.py", budget_s=60.0, precision=PrecisionClass.HALF)
    written = {
        "settings": settings.to_json(),
        "problem": {"name": name, "overrides": {}, "id": problem.id},
    }
    run = RunDirectory.create(path, written, PROBLEM, MACHINE)
    rows, tiled, half = candidate("rows"), candidate("tiled"), candidate("half")
    best = Job(tiled.id, {"K0_TILE": 4})
    fast = ok(2.0 / speed)
    quick_and_rough = replace(ok(1.0 / speed, PrecisionClass.HALF, 1e-4), flags=flags)
    with run.write() as journal:
        journal.open_session(survey)
        seed = Step(1, "seed", "the first structures", 8, "expert", Dialect.CPP)
        journal.begin(seed)
        drafts = [
            Draft(rows, "sig-rows", "one pass over rows", "seed", "expert", principles=("fuse-chains",)),
            Draft(half, "sig-half", "half products [bf16]", "seed", "expert"),
            Refusal("no knob: left", "it breaks a constraint", "seed", "expert"),
        ]
        journal.plan(seed, drafts, [Job(rows.id, {}), Job(half.id, {})])
        journal.record(1, 0, ok(4.0 / speed))
        journal.record(1, 1, quick_and_rough)
        journal.finish(1, 10.0, {"author": 1.0, "build": 2.0, "run": 6.9, "engine": 0.1})
        tile = Step(2, "tiling", "the next lever", 4, "expert", Dialect.CPP, rows.id, principles=("tile-for-l1",))
        journal.begin(tile)
        draft = Draft(tiled, "sig-rows", "tiles of four", "tiling", "expert", rows.id, ("tile-for-l1",))
        journal.plan(tile, [draft], [Job(tiled.id, {"K0_TILE": 2}), best])
        journal.record(2, 0, Verdict(Outcome.WRONG_VALUES, "row 3 is off"))
        journal.record(2, 1, fast)
        journal.finish(2, 20.0, {"author": 1.0, "build": 2.0, "run": 6.9, "engine": 0.1})
        journal.begin(Step(3, TUNE, "knobs", 4, parent=tiled.id))
        if certified:
            journal.certify([(best, fast), (Job(half.id, {}), quick_and_rough)])
            journal.close_session("time is up", 60.0)
    return path
