"""What a session finds out about its problem before it searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Survey:
    """`baselines_ms` is milliseconds of a call by baseline, `failures` why a baseline is missing, `notes` what is
    degenerate about the problem, `cluster` what is to be known of the machines. `shared`: others use a device, too, and
    every time is rough. `devices` is how many measured. `roofline` is the problem's least work and what a GPU reaches,
    as JSON; None where either is not known."""

    baselines_ms: Mapping[str, float] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    shared: bool = False
    devices: int = 1
    roofline: Mapping[str, Any] | None = None

    def on(self, notes: Iterable[str] = (), others: Sequence[str | None] = ()) -> Survey:
        """With what is to be known of the machines: `notes`, and who else uses each of the devices (None: nobody)."""
        told, devices = tuple(dict.fromkeys(filter(None, others))), len(others) or self.devices
        shared = self.shared or bool(told)
        return replace(self, cluster=(*self.cluster, *notes, *told), shared=shared, devices=devices)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Survey:
        return cls(**{**data, "notes": tuple(data["notes"]), "cluster": tuple(data.get("cluster", ()))})
