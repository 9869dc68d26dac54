"""What a dialect's reader tells of a kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kernel:
    """`parameters` say of each parameter whether it is a tensor ("read", "write") or something else ("")."""

    name: str
    parameters: tuple[str, ...]
    summary: str


Reader = Callable[[str], Mapping[str, Kernel]]  # a candidate's source to its kernels by name, in order of definition
