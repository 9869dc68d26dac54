"""Text files of prompts; `$NAME` in them stands for what varies."""

from __future__ import annotations

from functools import cache
from importlib import resources
from string import Template

_FOLDER = resources.files(__package__) / "templates"


def text(name: str, **values: object) -> str:
    """The template `name`, filled in. Raises KeyError for a value that it wants and does not get."""
    return _read(name).substitute({key: str(value) for key, value in values.items()}).strip()


@cache
def _read(name: str) -> Template:
    return Template((_FOLDER / f"{name}.txt").read_text())


def section(title: str, *parts: str) -> str:
    """A heading and its text; "" where there is nothing to say."""
    body = "\n\n".join(part for part in parts if part)
    return f"## {title}\n\n{body}" if body else ""
