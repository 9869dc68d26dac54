"""A step of a campaign: which operator runs on which parent, and the jobs that came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from egg_search.core.candidate import Dialect, content_hash
from egg_search.core.knobs import Lever, Value

STAGE_ONE = ("seed", "refine")  # operators that make structures; the others tune or repair them
TUNE = "tune"  # the one step that no operator makes: other knob values for a candidate that exists


@dataclass(frozen=True)
class Step:
    """What a scheduler decided. `author` and `principles` are empty for `tune`; `limit` is how many results to want."""

    number: int
    operator: str
    why: str  # one phrase for people
    limit: int
    author: str = ""
    dialect: Dialect | None = None
    parent: str | None = None  # candidate id
    lever: Lever | None = None
    principles: tuple[str, ...] = ()
    preference: Mapping[str, float] = field(default_factory=dict)  # by model: how much more often to ask it; else 1


@dataclass(frozen=True)
class Job:
    """One configuration to judge, with how much effort (`evaluator.Effort`'s value)."""

    candidate: str
    configuration: Mapping[str, Value] = field(default_factory=dict)
    effort: str = "screen"

    @property
    def key(self) -> tuple[str, str]:
        return self.candidate, configuration_key(self.configuration)


def configuration_key(configuration: Mapping[str, Any]) -> str:
    """Equal for equal configurations, whatever their order; the text that the journal stores."""
    return json.dumps(dict(sorted(configuration.items())))


def derive_seed(campaign_seed: int, step: int, purpose: str = "") -> int:
    """A 32-bit seed for one random choice of one step; the only way that randomness enters a campaign."""
    return int(content_hash(str(campaign_seed), str(step), purpose)[:8], 16)
