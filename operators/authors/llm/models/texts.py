"""Texts that can be sent and written."""

from __future__ import annotations

from operators.authors.llm.models.secrets import redact


def sendable(text: str) -> str:
    """Half of a surrogate pair, which UTF-8 has no bytes for, becomes a question mark."""
    return text.encode(errors="replace").decode()


def keepable(text: str) -> str:
    """The same, without keys."""
    return redact(sendable(text))
