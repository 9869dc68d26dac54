"""Which layers this machine lets an unprivileged process have: found by trying each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evaluator.isolation.layers import landlock, mounts, namespaces, privileges, seccomp

ALL = ("namespaces", "landlock", "seccomp")
_ROOT = Path(__file__).parents[3]
_SECONDS = 20


@dataclass(frozen=True)
class Layer:
    """`detail` is a version or what the layer does, or why it is not available."""

    name: str
    available: bool
    detail: str


@cache
def detect_layers() -> tuple[Layer, ...]:
    """One for every name in `ALL`. Takes some tens of milliseconds the first time."""
    return tuple(_try(name) for name in ALL)


def _try(name: str) -> Layer:
    code = "import sys; sys.path.insert(0, sys.argv[1]); from evaluator.isolation.layers.detect import probe"
    command = [sys.executable, "-P", "-S", "-c", f"{code}; probe(sys.argv[2])", str(_ROOT), name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, cwd=os.sep)
    except subprocess.TimeoutExpired:
        return Layer(name, False, f"no answer within {_SECONDS} s")
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return Layer(name, done.returncode == 0, lines[-1] if lines else f"exit status {done.returncode}")


def probe(name: str) -> None:
    """Enters layer `name` and prints what it is; raises OSError where that is not possible."""
    probes: dict[str, Callable[[], str]] = {"namespaces": _namespaces, "landlock": _landlock, "seccomp": _seccomp}
    try:
        print(probes[name]())
    except (OSError, KeyError) as error:
        sys.exit(f"{error.strerror or error}" if isinstance(error, OSError) else f"not on {os.uname().machine}")


def _namespaces() -> str:
    namespaces.enter_outer()
    child = os.fork()
    if child == 0:
        _exit_with(_inner)
    if os.waitpid(child, 0)[1]:
        raise OSError("processes cannot be put into namespaces here")
    return "own processes, network, shared memory, host name and mounts"


def _inner() -> None:
    own = os.pidfd_open(os.getpid())
    child = namespaces.fork_inside(own)
    if child == 0:
        _exit_with(_innermost)
    if os.waitpid(child, 0)[1]:
        raise OSError("no inner namespace")


def _innermost() -> None:
    namespaces.enter_inner()
    mounts.enter([sys.prefix], [], [], 1 << 20)


def _exit_with(action: Callable[[], None]) -> None:
    status = 1
    try:
        action()
        status = 0
    finally:
        os._exit(status)


def _landlock() -> str:
    privileges.drop()
    landlock.enter([sys.prefix], [], execute=False)
    return f"version {landlock.version()}"


def _seccomp() -> str:
    privileges.drop()
    listener = seccomp.enter(build=False)
    return "an allow list" + (", the verifier decides on the rest" if listener is not None else "")
