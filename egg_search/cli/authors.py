"""Who writes, as options of a command say it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from egg_search.core.errors import UserError

CHOICES = ("expert", "llm", "command", "mixed")


def chosen_authors(
    author: str,
    models: Sequence[str],
    base_url: str | None,
    command: str | None,
    prices: Sequence[str],
    budget: dict[str, float | None],
) -> tuple[tuple[str, ...], dict[str, dict[str, Any]]]:
    """Names of authors and the options of each. Raises UserError."""
    if author not in CHOICES:
        raise UserError(f"no author {author!r}; use one of {', '.join(CHOICES)}")
    asks = "command" if author == "command" or (author == "mixed" and command) else "llm"
    if author == "expert":
        if models or base_url or command or any(budget.values()):
            raise UserError("models are for --author llm, command or mixed; the expert asks none")
        return ("expert",), {}
    if asks == "command" and not command:
        raise UserError("--author command needs --command 'PROGRAM ARGS'")
    if asks == "llm" and not models:
        raise UserError(f"--author {author} needs --model NAME, or --command 'PROGRAM ARGS' for a program")
    known = {name: price for name, _, price in (each.rpartition("=") for each in prices)}
    described = [{"command": command}] if asks == "command" else [_model(each, base_url, known) for each in models]
    if unknown := known.keys() - {each.get("name") for each in described}:
        raise UserError(f"--price {unknown.pop()}=...: no such --model")
    limits = {name: value for name, value in budget.items() if value is not None}
    options = {"models": described, **({"budget": limits} if limits else {})}
    return (*(("expert",) if author == "mixed" else ()), asks), {asks: options}


def _model(text: str, base_url: str | None, prices: dict[str, str]) -> dict[str, Any]:
    """NAME, or NAME*WEIGHT."""
    name, star, weight = text.partition("*")
    found: dict[str, Any] = {"name": name}
    if base_url:
        found["base_url"] = base_url
    if star:
        found["weight"] = _number(weight, f"--model {text}: the weight")
    if name in prices:
        parts = [_number(each, f"--price {name}") for each in prices[name].split(",")]
        if len(parts) not in (2, 3):
            raise UserError(f"--price {name}={prices[name]}: give IN,OUT or IN,OUT,CACHED per million tokens")
        found |= dict(zip(("price_in", "price_out", "price_cached"), parts, strict=False))
    return found


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{what} is {text!r}, not a number") from None
