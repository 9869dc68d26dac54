"""A run directory on disk: the plain files, the lock and the journal."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from egg_search.rundir.database import connect, create
from egg_search.rundir.errors import RunDirectoryError, disk_full_is_clean
from egg_search.rundir.journal import Journal
from egg_search.rundir.lock import Lock, holder
from egg_search.rundir.reader import Reader


class RunDirectory:
    """An existing run directory. Raises RunDirectoryError when `path` is none."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        for name in ("settings.json", "problem.py", "hardware.json", "journal.sqlite"):
            if not (self.path / name).is_file():
                raise RunDirectoryError(f"{path}: not a run directory (no {name})")

    @classmethod
    def create(
        cls, path: Path, settings: Mapping[str, Any], problem_source: str, hardware: Mapping[str, Any]
    ) -> RunDirectory:
        """A new one. `path` must not exist; it appears whole, by one rename, or not at all."""
        path = Path(path)
        if path.exists():
            raise RunDirectoryError(f"{path}: exists; resume it with: egg resume {path}, or name another with --out")
        building = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            with disk_full_is_clean(path):
                (building / "candidates").mkdir(parents=True)
                (building / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")
                (building / "problem.py").write_text(problem_source)
                (building / "hardware.json").write_text(json.dumps(hardware, indent=2) + "\n")
                create(building / "journal.sqlite")
                building.rename(path)
        except OSError as error:
            raise RunDirectoryError(f"{path}: cannot be made: {error.strerror or error}") from None
        finally:
            shutil.rmtree(building, ignore_errors=True)
        return cls(path)

    def settings(self) -> dict[str, Any]:
        return self._json("settings.json")

    def hardware(self) -> dict[str, Any]:
        return self._json("hardware.json")

    @property
    def problem_source(self) -> str:
        return (self.path / "problem.py").read_text()

    def lock(self) -> Lock:
        """Taken before `write`. Raises RunDirectoryError while a live driver holds it."""
        return Lock(self.path / "lock")

    def driver(self) -> int | None:
        """The pid of the driver that is alive, if one is."""
        return holder(self.path / "lock")

    def write(self) -> Journal:
        return Journal(self.path)

    def read(self) -> Reader:
        """Read-only, beside a live driver too."""
        return Reader(connect(self.path / "journal.sqlite", read_only=True))

    def _json(self, name: str) -> dict[str, Any]:
        try:
            return json.loads((self.path / name).read_text())
        except ValueError as error:
            raise RunDirectoryError(f"{self.path / name}: not JSON ({error})") from None
