"""A principle's record for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from math import exp
from statistics import median

from egg_search.experience.records import Situation, Told

SHOWN = 5  # models of hardware


def record_lines(told: Sequence[Told]) -> list[str]:
    """Of one principle: in all, by hardware (the most tried first), and where it worked best."""
    if not told:
        return ["not tried yet"]
    campaigns = f"in {len(told)} campaign{'s' if len(told) > 1 else ''}"
    by_hardware = _groups(told, lambda where: where.hardware or where.kind)
    machines = sorted(by_hardware, key=lambda name: -_tried(by_hardware[name]))
    lines = [f"{_summary(told)}, {campaigns}", *(f"{name}: {_summary(by_hardware[name])}" for name in machines[:SHOWN])]
    by_situation = _groups(told, _describe)
    best = max(by_situation, key=lambda name: _merit(by_situation[name]))
    if _gains(by_situation[best]):
        lines.append(f"best for {best}: {_summary(by_situation[best])}")
    return lines


def standing(told: Sequence[Told]) -> str:
    """`won/tried`, in few characters; empty for none."""
    return f"{len(_gains(told))}/{_tried(told)}" if told else ""


def _summary(told: Sequence[Told]) -> str:
    gains = _gains(told)
    middle = f", median gain {exp(median(gains)):.2f}x" if gains else ""
    return f"tried {_tried(told)}, won {len(gains)}{middle}"


def _merit(told: Sequence[Told]) -> float:
    """Gain of a try, as if there had been one more in vain: a single lucky one proves little."""
    return sum(_gains(told)) / (1 + _tried(told))


def _describe(where: Situation) -> str:
    """`memory-bound matmul and nest in float32 on NVIDIA H100`, as far as it is known."""
    parts = [f"{where.bound}-bound"] if where.bound else []
    parts.append(" and ".join(where.kernels) or "any kernel")
    parts += [f"in {where.dtype}"] if where.dtype else []
    return " ".join([*parts, f"on {where.hardware or where.kind}"])


def _groups(told: Sequence[Told], key: Callable[[Situation], str]) -> dict[str, list[Told]]:
    groups: dict[str, list[Told]] = defaultdict(list)
    for each in told:
        groups[key(each.situation)].append(each)
    return groups


def _tried(told: Sequence[Told]) -> int:
    return sum(each.outcome.tried for each in told)


def _gains(told: Sequence[Told]) -> list[float]:
    return [gain for each in told for gain in each.outcome.gains]
