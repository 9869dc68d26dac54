"""Language models as an author: agents with roles, who ask at a desk and whose replies are read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from operators.authors.llm.conversation import converse
from operators.authors.llm.models.base import About, Desk, ModelError, OutOfBudget, Prompt
from operators.authors.llm.prompts.advice import to_follow
from operators.authors.llm.readers import edited, written
from operators.authors.llm.replies.diagnosis import Diagnosis, read_diagnosis
from operators.authors.llm.replies.note import one_line
from operators.authors.llm.replies.plans import Plan, read_plans
from operators.authors.llm.roles import architect, coder, debugger, diagnoser, editor, editor_prompt, prompts_for
from operators.base import AuthorError, Brief, Writing

__all__ = ["LlmAuthor", "prompts_for"]

_CODERS = 8  # at the same time


class LlmAuthor:
    """Stateless: what it needs to know is in the brief. Thread-safe if its desk is."""

    def __init__(self, desk: Desk, name: str = "llm") -> None:
        self.name = name
        self._desk = desk

    def write(self, brief: Brief) -> Sequence[Writing]:
        """For seeds up to `brief.limit` writings, a plan each; else one. What no correction made usable is left out; a
        rule that is broken twice is for the operator to refuse. Raises AuthorError where no model answers."""
        try:
            if brief.operator == "seed":
                return self._seeds(brief)
            writing = self._edit(brief)
        except ModelError as error:
            raise AuthorError(one_line(str(error), 300), spent=isinstance(error, OutOfBudget)) from error
        return [writing] if writing else []

    def close(self) -> None:
        """Ends what is in flight."""
        if end := getattr(self._desk, "close", None):
            end()

    def _seeds(self, brief: Brief) -> list[Writing]:
        """The architect's plans, each by a coder. A coder without a reply costs its own plan only."""
        (prompt,) = prompts_for(brief)
        plans = converse(self._desk, prompt, self._about(architect.NAME, brief), read_plans) or []
        if not plans:
            return []
        asked = [(plan, coder.prompt(brief, plan)) for plan in plans[: brief.limit]]
        with ThreadPoolExecutor(_CODERS) as pool:
            tasks = [pool.submit(self._code, brief, plan, prompt) for plan, prompt in asked]
        failures = [task.exception() for task in tasks]
        if all(failures):
            raise failures[0]
        if odd := [each for each in failures if each and not isinstance(each, ModelError)]:
            raise odd[0]
        results = [task.result() for task, failure in zip(tasks, failures, strict=True) if not failure]
        return [writing for writing in results if writing]

    def _code(self, brief: Brief, plan: Plan, prompt: Prompt) -> Writing | None:
        read = written(brief, f"{plan.paradigm}: {plan.idea}", self._principles(brief), self.name)
        return converse(self._desk, prompt, self._about(coder.NAME, brief), read)

    def _edit(self, brief: Brief) -> Writing | None:
        if brief.operator == "repair" and brief.repairs >= debugger.ROUNDS:
            return None
        prompt = editor_prompt(brief, self._diagnosis(brief))
        read = edited(brief, f"an edit by the {editor(brief)}", self._principles(brief), self.name)
        return converse(self._desk, prompt, self._about(editor(brief), brief), read)

    def _diagnosis(self, brief: Brief) -> Diagnosis | None:
        if brief.operator == "repair" or not diagnoser.wanted(brief):
            return None
        about = self._about(diagnoser.NAME, brief)
        found = converse(self._desk, diagnoser.prompt(brief), about, read_diagnosis)
        return found or diagnoser.by_figures(brief)

    def _principles(self, brief: Brief) -> list[str]:
        """Names of those that the agents were told of, and may say that they followed."""
        return [] if brief.operator == "repair" else [principle.name for principle in to_follow(brief)]

    def _about(self, role: str, brief: Brief) -> About:
        return About(role, brief.operator, brief.step, brief.preference)
