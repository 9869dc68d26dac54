"""What a user asks of a campaign. Written into its run directory and never changed there, budgets aside."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from egg_search.archive import Admission
from egg_search.campaign.dialects import missing_dialects, usable_dialects
from egg_search.campaign.isolation import IsolationMode
from egg_search.core.candidate import Dialect
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.verdict import PrecisionClass
from egg_search.schedulers import SCHEDULERS


@dataclass(frozen=True)
class Settings:
    """`problem` is a path. A campaign ends at the first of its budgets: seconds of search, evaluations.

    `precision` is the loosest class that may enter the archive; without `library_ports` candidates that launch no
    kernel of their own may not. With `max_autotune` torch.compile in that mode is a baseline, too. `ray_address`: None
    starts Ray here, "none" does without it. `batch` is how many configurations a tuning step tries on each device.
    """

    problem: str
    profile: str | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    budget_s: float | None = 300.0
    max_evaluations: int | None = None
    seed: int = 0
    authors: tuple[str, ...] = ("expert",)
    author_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    dialects: tuple[Dialect, ...] = ()  # empty: all that the hardware runs
    precision: PrecisionClass = PrecisionClass.FAITHFUL
    library_ports: bool = True
    max_autotune: bool = False
    principles: tuple[str, ...] = ()  # directories with a user's own
    scheduler: str = "staged"
    batch: int = 4
    build_timeout_s: float = 60.0
    isolation: IsolationMode = IsolationMode.AUTO
    ray_address: str | None = None
    device: str = "auto"  # what to measure on; see `hardware.detect`
    experience: bool = True  # of earlier campaigns is used, and this one's is kept

    def __post_init__(self) -> None:
        if self.scheduler not in SCHEDULERS:
            raise UserError(f"no scheduler {self.scheduler!r}; there is {', '.join(SCHEDULERS)}")
        if self.budget_s is None and self.max_evaluations is None:
            raise UserError("a campaign needs a budget: seconds or evaluations")
        if self.batch < 1:
            raise UserError(f"a batch of {self.batch} configurations; use 1 or more")

    def require_dialects(self, hardware: Hardware) -> None:
        """Raises UserError where nothing can be written for the hardware."""
        if not (self.dialects or usable_dialects(hardware.kind)):
            raise UserError("; ".join(dict.fromkeys(missing_dialects(hardware.kind).values())))

    @property
    def admission(self) -> Admission:
        """What counts as a result of this campaign."""
        return Admission(self.precision, self.library_ports)

    def writers(self, hardware: Hardware) -> tuple[tuple[str, Dialect], ...]:
        """Every author with every dialect, the preferred first."""
        dialects = self.dialects or usable_dialects(hardware.kind)
        return tuple((author, dialect) for author in self.authors for dialect in dialects)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Settings:
        """Raises UserError for keys that this version does not know."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise UserError(f"settings.json: unknown key {', '.join(unknown)}; made by another version of this program")
        typed = {
            "authors": tuple(data["authors"]),
            "dialects": tuple(map(Dialect, data["dialects"])),
            "precision": PrecisionClass(data["precision"]),
            "isolation": IsolationMode(data["isolation"]),
            "principles": tuple(data["principles"]),
        }
        return cls(**{**data, **typed})
