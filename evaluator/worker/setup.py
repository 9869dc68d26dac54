"""What a worker is told that was started before anybody knew what it is for."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

_HOME = "egg-build-"


@dataclass(frozen=True)
class Setup:
    """`files` is a tar archive of what a build left in `place`; the worker has it in its scratch directory instead, and
    `environment`, wherever that speaks of `place`, says so."""

    environment: dict[str, str] = field(default_factory=dict)
    place: str = ""
    files: bytes = b""

    @classmethod
    def of(cls, environment: dict[str, str], private: tuple[str, ...]) -> Setup:
        """With the files of a private directory, where there is one."""
        place = private[0] if private else ""
        return cls(environment, place, archive(Path(place)) if place else b"")


def archive(directory: Path) -> bytes:
    """The files below `directory`, uncompressed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(directory, arcname=".")
    return buffer.getvalue()


def install(setup: Setup) -> None:
    """Raises OSError where there is no room."""
    for earlier in _homes():
        shutil.rmtree(earlier, ignore_errors=True)
    home = tempfile.mkdtemp(prefix=_HOME)  # a name of its own: libraries that are loaded are known by their path
    if setup.files:
        with tarfile.open(fileobj=io.BytesIO(setup.files)) as tar:
            tar.extractall(home, filter="data")
        for index in Path(home).rglob("__grp__*.json"):  # Triton's lists of the files of a kernel name them by path
            index.write_text(index.read_text().replace(setup.place, home))
    for name, value in setup.environment.items():
        os.environ[name] = value.replace(setup.place, home) if setup.place else value


def came_with_a_build() -> bool:
    """Whether a module was imported from what a build left."""
    files = [getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values())]
    return any(str(file).startswith(home + os.sep) for home in _homes() for file in files)


def _homes() -> list[str]:
    return [str(path) for path in Path(tempfile.gettempdir()).glob(f"{_HOME}*")]
