"""One principle as text."""

from __future__ import annotations

from principles.model import Principle


def principle_text(principle: Principle) -> str:
    """Everything that its file says, in reading order."""
    choices = {role: " | ".join(map(str, values)) for role, values in principle.knobs.items()}
    facts = [
        ("group", principle.group),
        ("dialects", ", ".join(principle.dialects) or "all"),
        ("kernels", ", ".join(principle.kinds) or "all"),
        ("applies", principle.applies),
        *(("must hold", constraint) for constraint in principle.constraints),
        *(("sets", f"{role} = {value}") for role, value in principle.sets.items()),
        *(("opens", f"{role}: {values}") for role, values in choices.items()),
        ("source", principle.source),
    ]
    lines = [f"{label:<10} {text}" for label, text in facts]
    return "\n".join([f"{principle.name}: {principle.title}", "", principle.prose, "", *lines])
