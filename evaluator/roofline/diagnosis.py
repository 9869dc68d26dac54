"""What holds a call up, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from evaluator.roofline.ceilings import Ceilings
from evaluator.roofline.efficiency import Efficiency
from evaluator.roofline.profile import KernelProfile, Profile

_NEAR = 0.5  # of a roof: that is what holds it up
_WAITING = 0.3  # of the time, at least, for launches to be it
_SIGNIFICANT = 0.1  # of the kernels' time
_LOW_OCCUPANCY, _MANY_REGISTERS, _MUCH_SHARED = 0.25, 128, 64 << 10


class Bottleneck(StrEnum):
    MEMORY = "memory"
    COMPUTE = "compute"
    LATENCY = "latency"  # the GPU works, and neither memory nor arithmetic is busy
    LAUNCH = "launch"  # the GPU waits for the host


@dataclass(frozen=True)
class Diagnosis:
    """`evidence` are short sentences, the deciding one first; there is at least one."""

    bottleneck: Bottleneck
    evidence: tuple[str, ...]


def diagnose(
    efficiency: Efficiency, profile: Profile | None, ceilings: Ceilings, launch_us: float | None = None
) -> Diagnosis:
    """`launch_us`: microseconds until everything is launched; None: not known."""
    waiting = _waiting(efficiency, profile, launch_us)
    bottleneck = _bottleneck(efficiency, profile, waiting or 0.0)
    roofs = {Bottleneck.MEMORY: _memory(efficiency), Bottleneck.COMPUTE: _compute(efficiency)}
    launches = [] if waiting is None else [_launches(waiting, efficiency)]
    first = {**{roof: [text] for roof, text in roofs.items() if text}, Bottleneck.LAUNCH: launches}
    first[Bottleneck.LATENCY] = [_neither(efficiency)]
    rest = [*filter(None, roofs.values()), *(launches if waiting and waiting >= _SIGNIFICANT else [])]
    if efficiency.bytes and efficiency.in_cache:
        rest.append("all its data fits the L2 cache")
    rest += _of_kernels(profile, ceilings)
    return Diagnosis(bottleneck, tuple(dict.fromkeys([*first[bottleneck], *rest])))


def _waiting(efficiency: Efficiency, profile: Profile | None, launch_us: float | None) -> float | None:
    """The share of the time in which the GPU waits for the host: at the most what its kernels leave over, and at the
    most what launching takes. None: neither is known."""
    total = efficiency.seconds * 1e6
    bounds = [] if launch_us is None else [launch_us]
    if profile is not None and profile.microseconds:
        bounds.append(total - profile.microseconds)
    return min(1.0, max(0.0, min(bounds) / total)) if bounds else None


def _bottleneck(efficiency: Efficiency, profile: Profile | None, waiting: float) -> Bottleneck:
    if waiting >= max(_WAITING, efficiency.fraction):
        return Bottleneck.LAUNCH
    if efficiency.fraction >= _NEAR:
        return Bottleneck(efficiency.bound)
    passes = len(_significant(profile))
    if efficiency.bound == "memory" and not efficiency.in_cache and passes * efficiency.memory_fraction >= _NEAR:
        return Bottleneck.MEMORY  # several kernels, each of which moves about as much as one would have to
    return Bottleneck.LATENCY


def _memory(efficiency: Efficiency) -> str:
    if not efficiency.bytes:
        return ""
    of = f"{_percent(efficiency.memory_fraction)} of the bandwidth of {_bandwidth(efficiency.bandwidth)}"
    return f"moves {_bandwidth(efficiency.bytes_per_second)}, {of}"


def _compute(efficiency: Efficiency) -> str:
    if not efficiency.flops:
        return ""
    of = f"{_percent(efficiency.compute_fraction)} of the ceiling of {_rate(efficiency.rate)} ({efficiency.way})"
    return f"computes {_rate(efficiency.flops_per_second)}, {of}"


def _launches(waiting: float, efficiency: Efficiency) -> str:
    return f"launch overhead is {_percent(waiting)} of {efficiency.seconds * 1e6:.3g} us"


def _neither(efficiency: Efficiency) -> str:
    memory, compute = _percent(efficiency.memory_fraction), _percent(efficiency.compute_fraction)
    return f"neither memory ({memory}) nor arithmetic ({compute}) is near its limit"


def _of_kernels(profile: Profile | None, ceilings: Ceilings) -> Iterator[str]:
    if profile is None:
        return
    longest = profile.kernels[0]
    if profile.launches > 1 and profile.microseconds:
        yield f"{profile.launches} kernels, the longest ({longest.name}) takes {_percent(profile.share(longest))}"
    if len(_significant(profile)) > 1:
        yield "its kernels pass results to each other through memory"
    yield from _of_kernel(longest, ceilings)
    spilling = [kernel for kernel in profile.kernels if kernel.local_bytes]
    if spilling:
        worst = max(spilling, key=lambda kernel: kernel.local_bytes or 0)
        name = "" if worst is longest else f"{worst.name} "
        yield f"{name}spills {worst.local_bytes} bytes a thread"


def _of_kernel(kernel: KernelProfile, ceilings: Ceilings) -> Iterator[str]:
    """Why its occupancy is low, where it is."""
    few = kernel.blocks is not None and kernel.blocks < ceilings.multiprocessors
    if few:
        yield f"{_count(kernel.blocks or 0, 'block')} on {ceilings.multiprocessors} multiprocessors"
    if kernel.occupancy is None or kernel.occupancy >= _LOW_OCCUPANCY:
        return
    because = ""
    if (kernel.shared_bytes or 0) >= _MUCH_SHARED:
        because = f" because of {kernel.shared_bytes} bytes of shared memory a block"
    elif (kernel.registers or 0) >= _MANY_REGISTERS:
        because = f" because of {kernel.registers} registers a thread"
    yield f"occupancy {_percent(kernel.occupancy)}{'' if few else because}"


def _significant(profile: Profile | None) -> list[KernelProfile]:
    if profile is None or not profile.microseconds:
        return []
    return [kernel for kernel in profile.kernels if profile.share(kernel) >= _SIGNIFICANT]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _bandwidth(rate: float) -> str:
    return f"{rate / 1e12:.3g} TB/s" if rate >= 1e12 else f"{rate / 1e9:.3g} GB/s"


def _rate(rate: float) -> str:
    return f"{rate / 1e12:.3g} TFLOP/s" if rate >= 1e12 else f"{rate / 1e9:.3g} GFLOP/s"
