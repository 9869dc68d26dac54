"""The versions that a measurement depends on, for the record."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("egg-search", "torch", "numpy", "triton", "cupy-cuda12x", "cupy-cuda13x", "ray", "optuna")


def versions() -> dict[str, str]:
    """Python, platform, compiler and those of PACKAGES that are installed."""
    found = {"python": platform.python_version(), "platform": platform.platform(), "g++": _compiler()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _compiler() -> str:
    try:
        return subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return "none"
