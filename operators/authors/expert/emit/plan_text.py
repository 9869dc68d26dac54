"""The plan as a comment line of the candidate, so that the expert can go on from its own candidates without memory."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from egg_search.core.knobs import Configuration, Lever
from operators.authors.expert.plan import Decision, KernelPlan, Plan

_LINE = re.compile(r"^# egg-plan: (?P<json>\{.*\})$", re.MULTILINE)


def write_plan(plan: Plan) -> str:
    kernels = [
        {
            "kind": kernel.kind,
            "nodes": kernel.nodes,
            "outputs": kernel.outputs,
            "choices": dict(kernel.choices),
            "schedule": {d.name: [d.lever, d.value, *d.choices] for d in kernel.schedule.values()},
        }
        for kernel in plan.kernels
    ]
    launch = {"launch": plan.launch} if plan.launch else {}
    data = {"fusion": plan.fusion, **launch, "rewrites": plan.rewrites, "kernels": kernels}
    return "# egg-plan: " + json.dumps(data, separators=(",", ":"))


def read_plan(source: str, configuration: Configuration | None = None) -> Plan | None:
    """The plan of an expert's candidate, its knobs set to `configuration`; None for anybody else's candidate."""
    match = _LINE.search(source)
    if match is None:
        return None
    data = json.loads(match["json"])
    values = configuration or {}
    kernels = tuple(_kernel(f"K{i}", each, values) for i, each in enumerate(data["kernels"]))
    return Plan(tuple(data["rewrites"]), kernels, data["fusion"], data.get("launch", ""))


def _kernel(prefix: str, data: Mapping[str, Any], values: Configuration) -> KernelPlan:
    schedule = {}
    for name, (lever, value, *choices) in data["schedule"].items():
        value = values.get(f"{prefix}_{name.upper()}", value)
        schedule[name] = Decision(name, Lever(lever), value, tuple(choices))
    return KernelPlan(data["kind"], tuple(data["nodes"]), tuple(data["outputs"]), data["choices"], schedule)
