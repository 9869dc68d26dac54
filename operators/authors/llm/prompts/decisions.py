"""The hand-off of the stage before, and what must stay as it is."""

from __future__ import annotations

from operators.authors.llm.prompts.fence import quote
from operators.authors.llm.prompts.tokens import fitting
from operators.authors.llm.replies.note import one_line
from operators.authors.llm.workpiece import workpiece
from operators.base import Brief
from operators.handoff import Handoff, hand_off


def handoff_of(brief: Brief) -> Handoff:
    """The brief's, or what can be told from its parent and verdict. The brief has a parent."""
    assert brief.parent is not None
    return brief.handoff or hand_off(brief.parent, "", brief.configuration, brief.verdict)


def decisions(handoff: Handoff, budget: int) -> str:
    """Intent, bottleneck, knobs with best values and importances, dead ends."""
    lines = [f"intent: {one_line(handoff.intent)}"] if handoff.intent else []
    lines += [f"bottleneck: {one_line(handoff.bottleneck, 300)}"] if handoff.bottleneck else []
    for knob in handoff.knobs:
        importance = f", importance {knob.importance:.0%}" if knob.importance is not None else ""
        lines.append(f"knob {knob.name} ({knob.lever}): best {knob.value!r}{importance}")
    lines += [f"dead end: {one_line(each)}" for each in handoff.dead_ends]
    return quote("\n".join(fitting(lines, budget))) if lines else ""


def invariants(brief: Brief, handoff: Handoff, budget: int) -> str:
    """The structure's lines, and the knobs of other levers."""
    foreign = [knob.declaration() for knob in workpiece(brief).knobs.values() if knob.lever != brief.lever]
    lines = [one_line(line, 300) for line in handoff.invariants] + foreign
    return quote("\n".join(fitting(lines, budget)))


def own_knobs(brief: Brief) -> str:
    """The parent's knobs of the lever."""
    own = [knob.declaration() for knob in workpiece(brief).knobs.values() if knob.lever == brief.lever]
    return quote("\n".join(own)) if own else "None yet."
