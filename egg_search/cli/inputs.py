"""What several commands check before they begin."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path

from egg_search.core.errors import UserError
from egg_search.core.hardware import detect
from egg_search.core.verdict import PrecisionClass

RUNS = Path("runs")


def find_problem(text: str) -> Path:
    """A problem file by its path, or a bundled one by its name. Raises UserError when it is neither."""
    from egg_search.problems import bundled

    path = Path(text)
    if path.suffix == ".py" or path.exists() or "/" in text:
        return path  # whether it is any good is said where it is read
    known = bundled()
    if text in known:
        return known[text]
    close = difflib.get_close_matches(text, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "`egg problems list` shows the bundled ones"
    raise UserError(f"{text}: no such file, and no bundled problem of this name; {hint}")


def require_compiler(device: str = "auto") -> None:
    """Raises UserError where kernels for the device cannot be built, or there is no such device."""
    if detect(device).kind == "cpu" and shutil.which("g++") is None:
        raise UserError("no g++ on PATH, which builds the kernels; install it, for example: apt-get install g++")


def fresh_directory(wanted: Path) -> Path:
    """`wanted`, or the first of wanted-2, wanted-3, ... that does not exist."""
    path, number = wanted, 1
    while path.exists():
        number += 1
        path = wanted.with_name(f"{wanted.name}-{number}")
    return path


def run_name(name: str) -> str:
    """Raises UserError unless `name` is a plain folder name."""
    if not name or name in (".", "..") or "/" in name or name.startswith("-"):
        raise UserError(f"--name {name}: write a plain folder name; the run directory is runs/NAME")
    return name


def precision_class(text: str) -> PrecisionClass:
    try:
        return PrecisionClass(text)
    except ValueError:
        raise UserError(f"--precision {text}: use one of {', '.join(PrecisionClass)}") from None


def seconds(duration: str | None) -> float | None:
    """Of a duration such as 30m, where one is given."""
    if duration is None:
        return None
    from egg_search.campaign import parse_duration

    return parse_duration(duration)
