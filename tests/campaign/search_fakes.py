"""A small world for search logic: an author with three structures and an evaluator with an analytic landscape.

Importable by worker processes; nothing here compiles, so hundreds of evaluations take a second.
"""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import ClassVar

from egg_search.core.candidate import Candidate, content_hash
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.step import configuration_key
from egg_search.core.verdict import Errors, Interval, Outcome, PrecisionClass, Timing, Verdict
from operators.base import AuthorError, Brief, Draft, Writing

HARDWARE = Hardware("cpu", "imaginary", 2, 32, 32 << 10, 1 << 20, 16 << 20, 8 << 30)
EAGER_MS = 10.0
STRUCTURES = {"fused": 4.0, "split": 6.0, "naive": 9.0}  # milliseconds at their best, before the levers

PROBLEM = """
import torch.nn as nn

size = 8

class Model(nn.Module):
    def forward(self, x):
        return x

def get_inputs():
    return []

def get_init_inputs():
    return []
"""

SOURCE = """# egg-facts: {facts}
K0_CHUNK = {chunk}  # knob mapping: 1 | 2 | 4 | 8
K0_TILE_M = {tile}  # knob tiling: 16 | 32 | 64 | 128 | 256
K0_TILE_N = 64  # knob tiling: 16 | 32 | 64 | 128 | 256
K0_PREFETCH = 0  # knob staging: 0 | 1 | 2
STRUCTURE, EDITS = "{structure}", {edits}

class ModelNew:
    pass
"""


class FakeAuthor:
    """Seeds the structures; each lever can be edited once, which makes the kernel a little faster."""

    name = "fake"

    def write(self, brief: Brief) -> list[Writing]:
        if brief.operator == "seed":
            return [Writing(write(structure), f"seed {structure}") for structure in STRUCTURES][: brief.limit]
        if brief.operator == "refine" and "online" not in brief.parent.source:
            return [Writing(write("online"), "one pass")]
        if brief.lever and brief.lever not in edits_of(brief.parent):
            edits = [*edits_of(brief.parent), str(brief.lever)]
            return [Writing(write(structure_of(brief.parent), edits, tile=32), f"edit {brief.lever}")]
        return []


class BrokenAuthor:
    name = "broken"

    def write(self, brief: Brief) -> list[Writing]:
        raise AuthorError("no key")


def write(structure: str, edits: list[str] = (), chunk: int = 1, tile: int = 64) -> str:
    facts = json.dumps({"K0": {"kind": "nest", "rows": 64}})
    return SOURCE.format(facts=facts, structure=structure, edits=list(edits), chunk=chunk, tile=tile)


def structure_of(candidate: Candidate) -> str:
    return _namespace(candidate.source)["STRUCTURE"]


def edits_of(candidate: Candidate) -> list[str]:
    return _namespace(candidate.source)["EDITS"]


def _namespace(source: str) -> dict:
    namespace: dict = {}
    exec(source, namespace)
    return namespace


def cost(structure: str, edits: list[str], knobs: dict) -> float:
    """Milliseconds: smooth in the logs of the tiles, best at chunk 4, tiles 128 x 32, prefetch 1."""
    base = STRUCTURES.get(structure, 3.0) * 0.9 ** len(edits)
    off = (
        abs(log2(knobs["K0_TILE_M"]) - 7) * 0.15
        + abs(log2(knobs["K0_TILE_N"]) - 5) * 0.1
        + abs(log2(knobs["K0_CHUNK"]) - 2) * 0.1
        + abs(knobs["K0_PREFETCH"] - 1) * 0.05
    )
    return base * (1 + off)


@dataclass(frozen=True)
class Report:
    outcome: Outcome | None = None
    reason: str = ""
    seconds: float = 0.0


class FakeJudge:
    """Noise depends on nothing but the configuration, so that runs repeat. Tile 256 x 256 never works."""

    def __init__(self, pause: float, log_path: Path | None, dies_on: str) -> None:
        self._pause, self._log, self._dies_on = pause, log_path, dies_on

    def baselines(self) -> dict[str, float]:
        if self._dies_on == "baselines":
            raise UserError("the Model fails here")
        return {"eager": EAGER_MS, "compile": 8.0}

    baseline_failures: ClassVar = {}
    problem_notes = ()

    def judge(self, candidate, configuration, effort, best_ms=None) -> Verdict:
        time.sleep(self._pause)
        if self._log:
            with self._log.open("a") as log:
                print(candidate.id, configuration_key(configuration), effort, file=log)
        if self._dies_on and self._dies_on in candidate.source:
            os._exit(3)
        if configuration["K0_TILE_M"] == configuration["K0_TILE_N"] == 256:
            return Verdict(Outcome.WRONG_VALUES, "too large to be right")
        return ok(cost(structure_of(candidate), edits_of(candidate), configuration), configuration_key(configuration))

    def renew(self, ahead=()) -> None:
        if self._log:
            with self._log.open("a") as log:
                print("renew", *(content_hash(source)[:8] for source in ahead), file=log)

    def close(self) -> None:
        pass


def ok(ms: float, key: str = "", precision: PrecisionClass = PrecisionClass.FAITHFUL, norm: float = 1e-7) -> Verdict:
    ms *= 1 + 0.01 * random.Random(key).random()
    speedup = EAGER_MS / ms
    timing = Timing(
        Interval(ms, ms * 0.99, ms * 1.01),
        {"eager": EAGER_MS},
        {"eager": Interval(speedup, speedup * 0.99, speedup * 1.01)},
        20,
        0.02,
    )
    return Verdict(Outcome.OK, errors=Errors(norm, norm, 0.1, 1e-7, precision), timing=timing)


def _fewer_choices(source: str) -> str:
    return (
        source.replace("16 | 32 | 64 | 128 | 256", "32 | 64")
        .replace("1 | 2 | 4 | 8", "1 | 4")
        .replace("0 | 1 | 2", "0")
    )


@dataclass(frozen=True)
class FakeWorkshop:
    """`log_path` gets one line a measurement; `dies_on` kills the measuring process at sources that contain it."""

    pause: float = 0.0
    log_path: Path | None = None
    dies_on: str = ""
    hardware: Hardware = HARDWARE
    small: bool = False  # eight configurations a candidate

    def check(self) -> None:
        pass

    def operators(self) -> tuple[str, ...]:
        return "seed", "refine", "mapping", "tiling", "staging", "repair"

    def author(self, name: str):
        return {"fake": FakeAuthor, "broken": BrokenAuthor}[name]()

    authors = ("fake",)
    aside: ClassVar[dict[str, int]] = {}

    def warm(self, author) -> None:
        pass

    def start_builders(self) -> None:
        pass

    def propose(self, operator: str, brief: Brief, author) -> list[Draft]:
        parent = brief.parent.id if brief.parent else None
        return [
            Draft(candidate, structure_of(candidate), w.change, operator, author.name, parent)
            for w in author.write(brief)
            for candidate in [Candidate(_fewer_choices(w.source) if self.small else w.source, brief.dialect)]
        ]

    def build(self, source: str) -> Report:
        return Report()

    def here(self) -> Hardware:
        return self.hardware

    def judge(self) -> FakeJudge:
        return FakeJudge(self.pause, self.log_path, self.dies_on)
