"""A prompt as readable text, for programs that take no messages."""

from __future__ import annotations

import json

from operators.authors.llm.models.base import Prompt


def transcript(prompt: Prompt) -> str:
    """Turns under headings with their roles, oldest first; the wanted form last, so that the beginning is the same for
    many prompts. Ends where the assistant's turn begins."""
    parts = [f"# {turn.role.upper()}\n\n{turn.text.strip()}\n" for turn in prompt.turns]
    if prompt.schema is not None:
        parts.append(f"# FORMAT\n\nThe reply is JSON that follows this schema:\n{json.dumps(prompt.schema)}\n")
    return "\n".join([*parts, "# ASSISTANT\n"])
