"""What a session finds out about its problem before it searches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Survey:
    """`baselines_ms` is milliseconds of a call by baseline, `failures` why a baseline is missing, `notes` what is
    degenerate about the problem, `cluster` what is to be known of the machines."""

    baselines_ms: Mapping[str, float] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Survey:
        return cls(**{**data, "notes": tuple(data["notes"]), "cluster": tuple(data.get("cluster", ()))})
