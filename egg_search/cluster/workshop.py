"""The tools of a real campaign: the evaluator, the compiler's cache, the operators and the authors."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from egg_search.cluster.base import Judge, Report
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware, detect
from egg_search.core.problem import Problem
from evaluator.settings import EvaluatorSettings
from operators.base import Author, Brief, Draft, Refusal

if TYPE_CHECKING:
    from operators.authors.llm.models.settings import DeskSettings

ASIDE = {"llm": 8, "command": 2}  # authors that wait for others, and how many steps each may be at
AUTHORS = ("expert", *ASIDE)
LED = frozenset(["expert"])  # whose moves in stage two are principles


@dataclass(frozen=True)
class CampaignWorkshop:
    """Heavy imports happen in the process that needs them. `build_dir` is a cache that workers of a machine share;
    authors that ask models keep the record of their calls in `directory`."""

    problem: Problem
    hardware: Hardware
    build_dir: Path
    evaluator: EvaluatorSettings = EvaluatorSettings()  # noqa: RUF009 (frozen)
    authors: tuple[str, ...] = ("expert",)
    author_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    directory: Path | None = None
    seed: int = 0

    @property
    def aside(self) -> dict[str, int]:
        return {name: ASIDE[name] for name in self.authors if name in ASIDE}

    def check(self) -> None:
        from egg_search.core.problem.validation import validate

        if unknown := [name for name in self.authors if name not in AUTHORS]:
            raise UserError(f"no author {unknown[0]!r}; there is {', '.join(AUTHORS)}")
        for name in self.aside:
            self._models(name)
        if self.hardware.kind == "cpu" and shutil.which("g++") is None:
            raise UserError("no g++ in PATH; install it, for example: apt-get install g++")
        if self.hardware.kind == "cpu":
            validate(self.problem)  # for a GPU it is the evaluator that runs it: this process stays without a context

    def operators(self) -> tuple[str, ...]:
        from operators import registry

        return tuple(registry)

    def author(self, name: str) -> Author:
        if name not in ASIDE:
            from operators.authors.expert.author import ExpertAuthor

            return ExpertAuthor()
        from operators.authors.llm.author import LlmAuthor
        from operators.authors.llm.models.opening import open_desk

        assert self.directory is not None, "who asks models keeps a record"
        return LlmAuthor(open_desk(self._models(name), self.directory, self.seed), name)

    def _models(self, name: str) -> DeskSettings:
        """Whom an author asks. Raises UserError."""
        from operators.authors.llm.models.settings import DeskSettings

        return DeskSettings.from_json(self.author_options.get(name, {}))

    def warm(self, author: Author) -> None:
        """Lets an author read the problem before it is asked for anything: that takes seconds."""
        if begin := getattr(author, "begin", None):
            begin(self.problem, self.hardware)

    def propose(self, operator: str, brief: Brief, author: Author) -> list[Draft | Refusal]:
        from operators import registry

        return registry[operator].propose(brief, author)

    def start_builders(self) -> None:
        """Imports what every build needs, before there is one."""
        from evaluator.isolation.isolation import shared_isolation

        shared_isolation(layers=self.evaluator.layers).start_early()

    def build(self, source: str) -> Report:
        from evaluator.build import build
        from evaluator.gate import gate_for
        from evaluator.isolation.isolation import shared_isolation

        isolation, gate = (
            shared_isolation(layers=self.evaluator.layers),
            gate_for(self.hardware, self.evaluator.gate_path),
        )
        seconds, capability = self.evaluator.build_seconds, self.hardware.capability
        return build(source, self.build_dir, seconds, gate, isolation, capability)

    def judge(self) -> Judge:
        from evaluator.evaluator import Evaluator

        return Evaluator(self.problem, self.hardware, self.build_dir, self.evaluator)

    def here(self) -> Hardware:
        return detect("cpu" if self.hardware.kind == "cpu" else "auto")
