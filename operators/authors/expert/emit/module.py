"""The candidate's text: the problem's own source, the knobs, the kernels, and `ModelNew` that launches them.

`ModelNew` extends the problem's `Model`: same constructor, same state dict. Its kernels are specialised for the
problem's shapes and constants; any other call runs the original forward.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Knob
from operators.authors.expert.emit.dialect import EmitDialect
from operators.authors.expert.emit.forward import forward_lines
from operators.authors.expert.emit.launch import CUDA_GRAPH, capturing_forward
from operators.authors.expert.emit.model_new import guards, model_class
from operators.authors.expert.emit.plan_text import write_plan
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.library.text import TF32, keeps_weights, library_knobs
from operators.authors.expert.plan import KernelCode, KernelPlan, Plan
from operators.authors.expert.structures.launch import GRAPH
from operators.authors.expert.structures.partition import LIBRARY_KIND


@dataclass(frozen=True)
class Example:
    """How the problem calls its model: forward's arguments, the constructor's, and the model's mode. `strict`: PyTorch
    as it ships would compute the model in TF32 somewhere, and not as exactly as the kernels do."""

    arguments: Sequence[Any]
    constructor: Any
    training: bool
    strict: bool = False


def module_text(
    problem_source: str, title: str, plan: Plan, graph: Graph, dialect: EmitDialect, hardware: Hardware, like: Example
) -> str:
    """The source of the candidate that carries out `plan`."""
    kernels = list(zip(_names(plan), plan.kernels, strict=True))
    codes = emit_kernels(plan, graph, dialect)
    facts = {name.upper(): each for name, each in plan_facts(plan, graph, dialect, hardware).items()}
    captured = plan.launch == GRAPH
    body, methods = forward_lines(graph, kernels, codes, dialect, captured), ""
    if captured:
        body, methods = capturing_forward(graph, body)
    left = [kernel for name, kernel in kernels if name not in codes]
    keeps = any(code.kept for code in codes.values()) or any(keeps_weights(graph, kernel) for kernel in left)
    knobs = [knob for name, kernel in kernels for knob in _knobs(name, kernel, codes)]
    exact = like.strict or any("tf32" in kernel.schedule for kernel in left)
    helpers = [TF32] * exact + [CUDA_GRAPH] * captured
    parts = [
        problem_source.rstrip(),
        f"# ---- {title}",
        write_plan(plan),
        f"# egg-facts: {json.dumps(facts, separators=(',', ':'))}",
        "\n".join(knob.declaration() for knob in knobs),
        dialect.definitions(tuple(codes.values())).strip(),
        "\n\n\n".join([guards(dialect.device, keeps or captured), *helpers]),
        model_class(graph, like.arguments, like.constructor, like.training, body, keeps, methods, like.strict),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plan_facts(plan: Plan, graph: Graph, dialect: EmitDialect, hardware: Hardware) -> dict[str, dict[str, Any]]:
    """Facts of every kernel of a kind that the dialect knows, by name. `schedule` holds the values of its decisions."""
    found = {}
    for name, kernel in zip(_names(plan), plan.kernels, strict=True):
        if kernel.kind in dialect.generators:
            facts = dialect.generators[kernel.kind].facts(graph, kernel, hardware)
            found[name] = {**facts, "schedule": {d.name: d.value for d in kernel.schedule.values()}}
    return found


def emit_kernels(plan: Plan, graph: Graph, dialect: EmitDialect) -> dict[str, KernelCode]:
    """The code of every generated kernel, by name, in launch order."""
    return {
        name: dialect.generators[kernel.kind].emit(graph, kernel, name)
        for name, kernel in zip(_names(plan), plan.kernels, strict=True)
        if kernel.kind != LIBRARY_KIND
    }


def _knobs(name: str, kernel: KernelPlan, codes: Mapping[str, KernelCode]) -> tuple[Knob, ...]:
    return codes[name].knobs if name in codes else library_knobs(name, kernel)


def _names(plan: Plan) -> list[str]:
    return [f"k{i}" for i in range(len(plan.kernels))]
