"""The models at a desk, and whose turn it is."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from operators.authors.llm.models.base import Model
from operators.authors.llm.models.settings import ModelSettings


@dataclass
class Seat:
    """A model at the desk. `broken` says why it is asked no more."""

    settings: ModelSettings
    model: Model
    broken: str | None = None

    def __post_init__(self) -> None:
        self.slots = threading.Semaphore(self.settings.max_in_flight)


def by_weight(seats: Sequence[Seat], seed: int, key: str, preference: Mapping[str, float]) -> list[Seat]:
    """All of them in an order that depends on these alone: a seat of twice the weight, or of twice the preference, is
    twice as often the first (Efraimidis and Spirakis)."""
    dice = random.Random(hashlib.sha256(f"{seed} {key}".encode()).digest())

    def drawn(seat: Seat) -> float:
        return dice.random() ** (1 / (seat.settings.weight * preference.get(seat.settings.name, 1.0)))

    return sorted(seats, key=drawn, reverse=True)
