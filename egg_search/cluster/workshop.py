"""The tools of a real campaign: the evaluator, the compiler's cache, the operators and the authors."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from egg_search.cluster.base import Judge, Report
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from operators.base import Author, Brief, Draft, Refusal


@dataclass(frozen=True)
class CampaignWorkshop:
    """Heavy imports happen in the process that needs them. `build_dir` is a cache that workers of a machine share."""

    problem: Problem
    hardware: Hardware
    build_dir: Path
    build_timeout_s: float = 60.0
    evaluator: Any = None  # evaluator settings; None for the evaluator's own defaults
    author_options: dict[str, dict[str, Any]] = field(default_factory=dict)

    def check(self) -> None:
        from egg_search.core.problem.validation import validate

        validate(self.problem)
        if self.hardware.kind == "cpu" and shutil.which("g++") is None:
            raise UserError("no g++ in PATH; install it, for example: apt-get install g++")

    def operators(self) -> tuple[str, ...]:
        from operators.registry import registry

        return tuple(registry)

    def author(self, name: str) -> Author:
        from operators.authors import make_author

        return make_author(name, **self.author_options.get(name, {}))

    def propose(self, operator: str, brief: Brief, author: Author) -> list[Draft | Refusal]:
        from operators.registry import registry

        return registry[operator].propose(brief, author)

    def build(self, source: str) -> Report:
        from evaluator.build import build

        return build(source, self.build_dir, self.build_timeout_s)

    def judge(self) -> Judge:
        from evaluator import Evaluator

        return Evaluator(self.problem, self.hardware, self.build_dir, self.evaluator)
