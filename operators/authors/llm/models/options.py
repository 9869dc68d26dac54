"""Frozen settings from JSON dicts, with one line for the user where they do not fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from egg_search.core.errors import UserError

_SECRETS = {"key", "api_key", "token", "secret", "password"}


def known_fields(cls: type, data: object, what: str) -> dict[str, Any]:
    """`data` if it has nothing but fields of the dataclass `cls`. Raises UserError."""
    if not isinstance(data, Mapping):
        raise UserError(f"{what}: {data!r} is no JSON object")
    names = [field.name for field in fields(cls)]
    unknown = sorted(set(data) - set(names))
    if found := _SECRETS & set(map(str.lower, unknown)):
        raise UserError(f"{what}: {found.pop()!r} does not belong here; export the key as EGG_API_KEY")
    if unknown:
        raise UserError(f"{what}: no setting {', '.join(unknown)}; there is {', '.join(names)}")
    return dict(data)


def require_texts(owner: object, what: str, names: Collection[str]) -> None:
    for name in names:
        value = getattr(owner, name)
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise UserError(f"{what}: {name} is {value!r}; a text is wanted")


def require_limits(owner: object, what: str, names: Collection[str], whole: bool = False) -> None:
    """Numbers from 0 on, or None. Raises UserError."""
    given = [name for name in names if getattr(owner, name) is not None]
    require_numbers(owner, what, given, whole, zero=True)


def require_numbers(owner: object, what: str, names: Collection[str], whole: bool = False, zero: bool = False) -> None:
    """Numbers above 0, or from 0 on (`zero`). Raises UserError."""
    kinds, wanted = (int if whole else (int, float)), f"a {'whole ' * whole}number {'from' if zero else 'above'} 0"
    for name in names:
        value = getattr(owner, name)
        if isinstance(value, bool) or not isinstance(value, kinds) or not (value >= 0 if zero else value > 0):
            raise UserError(f"{what}: {name} is {value!r}; {wanted} is wanted")
        if value == float("inf"):
            raise UserError(f"{what}: {name} is {value!r}; leave it out for no limit")
