"""How near a call on a GPU comes to what the GPU can do, as text; empty where a verdict does not say."""

from __future__ import annotations

from typing import Any

from egg_search.core.verdict import Verdict


def roofline_cell(verdict: Verdict) -> str:
    """The rate that counts, its share of the roofline, and what holds it up: `3.12 TB/s 73% memory`."""
    roofline = verdict.resources.get("roofline")
    if not roofline:
        return ""
    bottleneck = verdict.resources.get("diagnosis", {}).get("bottleneck", roofline["bound"])
    return f"{_rate(roofline)} {roofline['fraction']:.0%} {bottleneck}"


def roofline_lines(verdict: Verdict) -> list[str]:
    """One line for what is reached, one for the diagnosis, one a kernel."""
    resources, lines = verdict.resources, []
    if roofline := resources.get("roofline"):
        rates = f"{_bandwidth(roofline['gb_s'])}, {_flops(roofline['tflop_s'])}"
        lines.append(
            f"reached: {rates}; {roofline['fraction']:.0%} of the {roofline['bound']} roof{_compute(roofline)}"
        )
    if diagnosis := resources.get("diagnosis"):
        lines.append(f"held up by {diagnosis['bottleneck']}: {'; '.join(diagnosis['evidence'])}")
    if "launch_us" in resources:
        lines.append(f"launching takes {resources['launch_us']:.4g} us")
    kernels = resources.get("kernels", {})
    return lines + [f"kernel {_kernel(each)}" for each in kernels.get("longest", [])]


def _compute(roofline: dict[str, Any]) -> str:
    if roofline["bound"] != "compute":
        return ""
    return f" ({roofline['ceiling']}), {roofline['fp32_fraction']:.0%} of what float32 units reach"


def _kernel(kernel: dict[str, Any]) -> str:
    known = [kernel["name"]]
    if kernel["launches"]:
        known.append(f"{kernel['microseconds']:.4g} us in {kernel['launches']}")
    known += [f"{name} {'x'.join(map(str, kernel[name]))}" for name in ("grid", "block") if name in kernel]
    if "occupancy" in kernel:
        known.append(f"occupancy {kernel['occupancy']:.0%}")
    counts = {"registers": "registers", "shared_bytes": "bytes shared", "local_bytes": "bytes spilled"}
    return ", ".join([*known, *(f"{kernel[key]} {what}" for key, what in counts.items() if kernel.get(key))])


def _rate(roofline: dict[str, Any]) -> str:
    return _flops(roofline["tflop_s"]) if roofline["bound"] == "compute" else _bandwidth(roofline["gb_s"])


def _bandwidth(gb_s: float) -> str:
    return f"{gb_s / 1000:.3g} TB/s" if gb_s >= 1000 else f"{gb_s:.3g} GB/s"


def _flops(tflop_s: float) -> str:
    return f"{tflop_s:.3g} TFLOP/s" if tflop_s >= 1 or not tflop_s else f"{1000 * tflop_s:.3g} GFLOP/s"
