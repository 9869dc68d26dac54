"""Who does what, one file a role: its prompt, as a function of the brief (and of what others replied)."""

from __future__ import annotations

from operators.authors.llm.models.base import Prompt
from operators.authors.llm.replies.diagnosis import Diagnosis
from operators.authors.llm.roles import architect, debugger, diagnoser, levers, refiner
from operators.base import Brief

__all__ = ["editor", "editor_prompt", "prompts_for"]


def prompts_for(brief: Brief) -> list[Prompt]:
    """What is asked first for this brief. Pure; nothing when there is nothing to do."""
    if brief.operator == "seed":
        return [architect.prompt(brief)]
    if brief.operator == "repair":
        return [debugger.prompt(brief)] if brief.repairs < debugger.ROUNDS else []
    if diagnoser.wanted(brief):
        return [diagnoser.prompt(brief)]
    return [editor_prompt(brief)]


def editor(brief: Brief) -> str:
    """The name of the role that edits the brief's parent."""
    if brief.operator == "repair":
        return debugger.NAME
    return levers.NAMES[brief.lever] if brief.lever else refiner.NAME


def editor_prompt(brief: Brief, diagnosis: Diagnosis | None = None) -> Prompt:
    """What the role that edits the parent is asked, once it is known what holds the parent up."""
    if brief.operator == "repair":
        return debugger.prompt(brief)
    return levers.prompt(brief, diagnosis) if brief.lever else refiner.prompt(brief, diagnosis)
