"""Which kernels a forward runs: as lines of text, which is how a worker tells of them, and as records.

What a worker says is information and nobody's judgement: every line is bounded, and what cannot be read is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_MOST_KERNELS, _NAME_CHARACTERS = 64, 96
_MOST = 1e15  # of any number
_UNKNOWN = "-"
_HEAD = re.compile(r"kernels ([0-9.e+]{1,24}) ([0-9]{1,12})")


@dataclass(frozen=True)
class KernelProfile:
    """All launches of one kernel with one grid. `microseconds` are theirs together; `shared_bytes` are a block's,
    `local_bytes` (spilled registers) and `registers` a thread's; `occupancy` is the share of a multiprocessor's warps
    that is active, 0 to 1. None: not known; where kernels cannot be traced, they have no time and no launches."""

    name: str
    microseconds: float
    launches: int
    grid: tuple[int, int, int] | None = None
    block: tuple[int, int, int] | None = None
    registers: int | None = None
    shared_bytes: int | None = None
    occupancy: float | None = None
    local_bytes: int | None = None

    @property
    def blocks(self) -> int | None:
        return math.prod(self.grid) if self.grid else None

    def to_json(self) -> dict[str, Any]:
        """What is known."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class Profile:
    """Of one forward: its kernels, longest first (those that there was room for), and the sums over all of them."""

    kernels: tuple[KernelProfile, ...]
    microseconds: float
    launches: int

    def share(self, kernel: KernelProfile) -> float:
        return min(1.0, kernel.microseconds / self.microseconds) if self.microseconds > 0 else 0.0


def encode(kernels: Iterable[KernelProfile], most_bytes: int) -> str:
    """At most so many bytes of ASCII: sums, then one line a kernel."""
    ordered = sorted(kernels, key=lambda kernel: -kernel.microseconds)
    total, launches = sum(each.microseconds for each in ordered), sum(each.launches for each in ordered)
    lines, room = [f"kernels {total:.3f} {launches}"], most_bytes
    room -= len(lines[0])
    for line in map(_line, ordered[:_MOST_KERNELS]):
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join(lines)


def parse(text: str) -> Profile | None:
    """None where no kernel is told of. Never raises, whatever the text is."""
    head, *lines = text.split("\n")[: _MOST_KERNELS + 1]
    sums = _HEAD.fullmatch(head.strip())
    kernels = sorted(filter(None, map(_kernel, lines)), key=lambda kernel: -kernel.microseconds)
    if sums is None or not kernels:
        return None
    total, launches = sum(each.microseconds for each in kernels), sum(each.launches for each in kernels)
    return Profile(tuple(kernels), max(total, _number(sums[1]) or 0.0), max(launches, int(sums[2])))


def _line(kernel: KernelProfile) -> str:
    fields = [
        f"{kernel.microseconds:.3f}",
        str(kernel.launches),
        _show(kernel.grid and "x".join(map(str, kernel.grid))),
        _show(kernel.block and "x".join(map(str, kernel.block))),
        *map(_show, (kernel.registers, kernel.shared_bytes)),
        _show(None if kernel.occupancy is None else round(100 * kernel.occupancy)),
        _show(kernel.local_bytes),
        short(kernel.name),
    ]
    return " ".join(fields)


def short(name: str) -> str:
    """A kernel's name without the arguments of its templates and its parameters, printable, of bounded length."""
    name = "".join(each if " " <= each <= "~" else "?" for each in name)
    while (simpler := re.sub(r"<[^<>]*>|\([^()]*\)", "", name)) != name:
        name = simpler
    name = " ".join(name.removeprefix("void ").split())
    return name[:_NAME_CHARACTERS] or "?"


def _show(value: Any) -> str:
    return _UNKNOWN if value is None else str(value)


def _kernel(line: str) -> KernelProfile | None:
    fields = line.split(" ", 8)
    if len(fields) != 9:
        return None
    microseconds, launches, grid, block, registers, shared, percent, local, name = fields
    time, count, occupancy = _number(microseconds), _whole(launches), _number(percent)
    if time is None or count is None:
        return None
    return KernelProfile(
        name=short(name),
        microseconds=time,
        launches=count,
        grid=_three(grid),
        block=_three(block),
        registers=_whole(registers),
        shared_bytes=_whole(shared),
        occupancy=None if occupancy is None else min(1.0, occupancy / 100),
        local_bytes=_whole(local),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text[:24])
    except ValueError:
        return None
    return value if 0 <= value <= _MOST else None


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


def _three(text: str) -> tuple[int, int, int] | None:
    found = re.fullmatch(r"([0-9]{1,10})x([0-9]{1,10})x([0-9]{1,10})", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
