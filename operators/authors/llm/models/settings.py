"""What a user says of models and of what they may cost. Written into run directories, so there is no key in it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from egg_search.core.errors import UserError
from operators.authors.llm.models.options import known_fields, require_limits, require_numbers, require_texts
from operators.authors.llm.models.usage import Usage

_MILLION = 1e6
_OURS = {"model", "messages", "response_format", "stream", "n", "max_tokens", "max_completion_tokens"}


@dataclass(frozen=True)
class ModelSettings:
    """A model behind an OpenAI-compatible server (`base_url`; None: OpenAI's own) or a program (`command`).

    Prices are money per million tokens in any one currency; without `price_cached` cached tokens cost `price_in`.
    A model of weight 2 is asked twice as often as one of weight 1. `key_variable` names the environment variable with
    the key (None: EGG_API_KEY, else OPENAI_API_KEY). `extra` goes into the body of requests: temperature, reasoning.
    """

    name: str
    base_url: str | None = None
    command: str | None = None
    weight: float = 1.0
    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    timeout_s: float = 600.0
    max_in_flight: int = 4
    key_variable: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        what = f"model {self.name!r}"
        require_texts(self, what, ("name", "base_url", "command", "key_variable"))
        require_limits(self, what, ("price_in", "price_out", "price_cached"))
        require_numbers(self, what, ("weight", "timeout_s"))
        require_numbers(self, what, ("max_in_flight",), whole=True)
        if (self.price_in is None) != (self.price_out is None):
            raise UserError(f"{what}: one price without the other; give price_in and price_out")
        if not isinstance(self.extra, Mapping):
            raise UserError(f"{what}: extra is {self.extra!r}; an object is wanted")
        if ours := _OURS & set(self.extra):
            raise UserError(f"{what}: {ours.pop()!r} is no extra; this program says it itself")
        _check_url(self.base_url, what)
        _check_command(self.command, what)

    @property
    def identity(self) -> tuple[Any, ...]:
        """What a reply depends on."""
        return self.name, self.base_url, self.command, dict(self.extra)

    def cost(self, usage: Usage) -> float | None:
        """Money; None without prices."""
        if self.price_in is None or self.price_out is None:
            return None
        cached = self.price_in if self.price_cached is None else self.price_cached
        fresh = max(0, usage.tokens_in - usage.tokens_cached)
        return (fresh * self.price_in + usage.tokens_cached * cached + usage.tokens_out * self.price_out) / _MILLION

    @classmethod
    def from_json(cls, data: object) -> ModelSettings:
        known = known_fields(cls, {"name": data} if isinstance(data, str) else data, "models")
        if "name" not in known and not known.get("command"):
            raise UserError("models: a model without a name")
        return cls(**{"name": known.get("command"), **known})  # a program may go by its command


@dataclass(frozen=True)
class Limits:
    """What a whole campaign may take, None: any. `seconds` are those that models took to answer, added up; `money` is
    in the currency of the prices."""

    tokens: int | None = None
    calls: int | None = None
    money: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        require_limits(self, "budget", ("tokens", "calls"), whole=True)
        require_limits(self, "budget", ("money", "seconds"))


@dataclass(frozen=True)
class DeskSettings:
    """Whom a campaign may ask, and its budget."""

    models: tuple[ModelSettings, ...]
    budget: Limits = Limits()

    def __post_init__(self) -> None:
        if not self.models:
            raise UserError("no model; name one with --model NAME or a program with --command PROGRAM")
        names = [model.name for model in self.models]
        if twice := {name for name in names if names.count(name) > 1}:
            raise UserError(f"two models are called {twice.pop()!r}")
        unpriced = [model.name for model in self.models if model.price_in is None]
        if self.budget.money is not None and unpriced:
            raise UserError(f"a budget of money needs prices: {unpriced[0]!r} has none (price_in, price_out)")

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"models": [asdict(model) for model in self.models]}

    @classmethod
    def from_json(cls, data: object) -> DeskSettings:
        """Raises UserError. A model may be its name alone; {"models": ["gpt-5"], "budget": {"tokens": 1000000}}."""
        known = known_fields(cls, data, "models")
        models, budget = known.get("models", []), known.get("budget") or {}
        if not isinstance(models, list | tuple):
            raise UserError(f"models: {models!r} is no list")
        limits = Limits(**known_fields(Limits, budget, "budget"))
        return cls(tuple(map(ModelSettings.from_json, models)), limits)


def _check_url(url: str | None, what: str) -> None:
    if url is None:
        return
    if "@" in url:
        raise UserError(f"{what}: no passwords in addresses; export the key as EGG_API_KEY")
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    if not fine:
        raise UserError(f"{what}: {url!r} is no address; write for example http://localhost:8000/v1")


def _check_command(command: str | None, what: str) -> None:
    if command is None:
        return
    try:
        shlex.split(command)
    except ValueError as error:
        raise UserError(f"{what}: {command!r} is no command line: {error}") from None
