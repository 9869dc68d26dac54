"""What is the same for all prompts of a campaign: the rules, the problem, the hardware."""

from __future__ import annotations

from egg_search.core.candidate import Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.survey import Survey
from operators.authors.llm.prompts.fence import quote
from operators.authors.llm.prompts.template import section, text
from operators.base import Brief


def system(brief: Brief) -> str:
    """What EGG is and the rules of a candidate in the brief's dialect."""
    guards = "" if brief.dialect is Dialect.TORCH else text("guards")
    return "\n\n".join(part for part in (text("system"), text(f"dialect_{brief.dialect}"), guards) if part)


def situation(brief: Brief) -> str:
    return "\n\n".join(part for part in (_problem(brief), _hardware(brief), _precision(brief)) if part)


def _problem(brief: Brief) -> str:
    notes = brief.survey.notes if brief.survey else ()
    return section("Problem", quote(brief.problem.effective_source, "python"), *(quote(note) for note in notes[:2]))


def _hardware(brief: Brief) -> str:
    lines = [_device(brief.hardware), _baselines(brief.survey), _reach(brief)]
    return section("Hardware", "\n".join(line for line in lines if line))


def _device(hardware: Hardware) -> str:
    if hardware.kind == "cpu":
        caches = f"L1d {_size(hardware.l1d_bytes)}, L2 {_size(hardware.l2_bytes)}, L3 {_size(hardware.l3_bytes)}"
        return f"CPU {hardware.model}: {hardware.cores} cores, SIMD of {hardware.vector_bytes} bytes, {caches}."
    major, minor = divmod(hardware.capability, 10)
    of_block = f"a block has up to {hardware.shared_bytes} bytes of shared memory and {hardware.registers} registers"
    return (
        f"GPU {hardware.model}, compute capability {major}.{minor}: {hardware.cores} multiprocessors, "
        f"L2 {_size(hardware.l2_bytes)}, memory {_size(hardware.memory_bytes)}; {of_block}."
    )


def _baselines(survey: Survey | None) -> str:
    if survey is None or not survey.baselines_ms:
        return ""
    return f"A call takes {', '.join(f'{ms:.4g} ms in {name}' for name, ms in survey.baselines_ms.items())}."


def _reach(brief: Brief) -> str:
    """The measured roofline over the problem's least work."""
    work, ceilings = brief.work, brief.ceilings
    if work is None:
        return ""
    least = f"Any algorithm reads {_size(work.read_bytes)} and writes {_size(work.written_bytes)} at the least"
    flops = f"; the products as written take {work.flops:.3g} flops" if work.flops else ""
    if ceilings is None:
        return f"{least}{flops}."
    from evaluator.roofline.efficiency import compute_ceiling

    bandwidth = ceilings.bandwidth(work.written_bytes / work.bytes if work.bytes else 0.0)
    least += f": {_ms(work.bytes / bandwidth)} at the measured {bandwidth / 1e12:.3g} TB/s"
    if flops:
        way, rate = compute_ceiling(brief.accept, work.operand_bytes, ceilings)
        flops += f": {_ms(work.flops / rate)} at the measured {rate / 1e12:.3g} TFLOP/s ({way})"
        flops += f", {_ms(work.flops / ceilings.fp32)} on float32 units"
    return f"{least}{flops}. A launch costs about {ceilings.launch_us:.2g} us."


def _precision(brief: Brief) -> str:
    return section("Precision", text(f"precision_{brief.accept}"))


def _size(count: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} bytes"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"
