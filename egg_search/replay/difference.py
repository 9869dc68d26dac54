"""What a replay finds different, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

_WIDTH = 100  # of a value that is shown


class Difference(Exception):
    """A replay is not what was recorded, from event `at` on."""

    at = -1


def require_equal(where: str, recorded: Any, replayed: Any) -> None:
    """Raises Difference at the first part of a record that differs: a field, a key, a position."""
    if _plain(recorded) == _plain(replayed):
        return
    if is_dataclass(recorded) and type(recorded) is type(replayed):
        for field in fields(recorded):
            require_equal(f"{where}, {field.name}", getattr(recorded, field.name), getattr(replayed, field.name))
    if isinstance(recorded, list | tuple) and isinstance(replayed, list | tuple):
        for number, (was, now) in enumerate(zip(recorded, replayed, strict=False), 1):
            require_equal(f"{where} {number}", was, now)
        raise Difference(f"{where}: {len(recorded)} recorded, {len(replayed)} replayed")
    raise Difference(f"{where}: recorded {shown(recorded)}, replayed {shown(replayed)}")


def shown(value: Any) -> str:
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _plain(value: Any) -> Any:
    """Lists and tuples are the same to a journal, and so are all mappings."""
    if is_dataclass(value):
        return type(value), [_plain(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value
