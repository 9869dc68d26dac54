"""Whether Triton runs here. Needs no GPU."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec


def why_no_triton() -> str | None:
    """The reason why it does not; None when it does."""
    if not find_spec("triton"):
        return "Triton is missing: install one of the extras cuda12 and cuda13"
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "Triton finds no C compiler, which builds its launchers; install one, for example: apt-get install gcc"
    return None
