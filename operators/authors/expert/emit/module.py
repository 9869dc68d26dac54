"""The candidate's text: the problem's own source, the knobs, the kernels, and `ModelNew` that launches them.

`ModelNew` extends the problem's `Model`: same constructor, same state dict. Its kernels are specialised for the
problem's shapes and constants; any other call runs the original forward.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from egg_search.core.hardware import Hardware
from operators.authors.expert.emit.dialect import EmitDialect
from operators.authors.expert.emit.forward import forward_lines
from operators.authors.expert.emit.plan_text import write_plan
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import KernelCode, Plan
from operators.authors.expert.structures.partition import LIBRARY_KIND

_GUARDS = '''
def _egg_same(a, b):
    """Whether two constructor or forward arguments are equal, tensors by value."""
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        return isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_egg_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_egg_same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


def _egg_dense(t):
    return t if t.is_contiguous() else t.contiguous()
'''


def module_text(
    problem_source: str,
    title: str,
    plan: Plan,
    graph: Graph,
    dialect: EmitDialect,
    hardware: Hardware,
    arguments: Sequence[Any],
    training: bool,
) -> str:
    """The source of the candidate. `arguments` are forward's example arguments, tensors included."""
    codes = emit_kernels(plan, graph, dialect)
    facts = {
        name.upper(): dialect.generators[kernel.kind].facts(graph, kernel, hardware)
        for name, kernel in zip(_names(plan), plan.kernels, strict=True)
        if kernel.kind != LIBRARY_KIND
    }
    knobs = "\n".join(knob.declaration() for code in codes.values() for knob in code.knobs)
    parts = [
        problem_source.rstrip(),
        f"# ---- {title}",
        write_plan(plan),
        f"# egg-facts: {json.dumps(facts, separators=(',', ':'))}",
        knobs,
        dialect.definitions(tuple(codes.values())).strip(),
        _GUARDS.strip(),
        _model_class(graph, plan, codes, dialect, arguments, training),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def emit_kernels(plan: Plan, graph: Graph, dialect: EmitDialect) -> dict[str, KernelCode]:
    """The code of every generated kernel, by name, in launch order."""
    return {
        name: dialect.generators[kernel.kind].emit(graph, kernel, name)
        for name, kernel in zip(_names(plan), plan.kernels, strict=True)
        if kernel.kind != LIBRARY_KIND
    }


def _names(plan: Plan) -> list[str]:
    return [f"k{i}" for i in range(len(plan.kernels))]


def _model_class(
    graph: Graph,
    plan: Plan,
    codes: Mapping[str, KernelCode],
    dialect: EmitDialect,
    arguments: Sequence[Any],
    training: bool,
) -> str:
    parameters = [f"a{i}" for i in range(len(arguments))]
    states = {n.attrs["name"]: n for n in graph.nodes if n.op == "state"}
    body = forward_lines(graph, list(zip(_names(plan), plan.kernels, strict=True)), codes, dialect, parameters, states)
    tests = [_tensor_test(p, a, dialect.device) for p, a in zip(parameters, arguments, strict=True)]
    expected = {name: (tuple(n.shape), f"torch.{n.dtype}") for name, n in states.items()}
    expected_text = ", ".join(f"({name!r}, {shape}, {dtype})" for name, (shape, dtype) in expected.items())
    lines = [
        "class ModelNew(Model):",
        "    def __init__(self, *args, **kwargs):",
        "        super().__init__(*args, **kwargs)",
        "        expected = get_init_inputs()",
        "        given = kwargs if isinstance(expected, dict) else args",
        "        self._egg_same_model = _egg_same(",
        "            dict(given) if isinstance(expected, dict) else list(given),",
        "            expected if isinstance(expected, dict) else list(expected),",
        "        )",
        "",
        "    def _egg_fits(self, arguments):",
        '        """Whether this call is the one that the kernels were made for; they have no backward."""',
        f"        if not self._egg_same_model or self.training is not {training} or len(arguments) != {len(arguments)}:",
        "            return False",
        f"        {', '.join(parameters)}{',' if len(parameters) == 1 else ''} = arguments" if parameters else "",
        "        if torch.is_grad_enabled() and (",
        "            any(p.requires_grad for p in self.parameters())",
        "            or any(isinstance(a, torch.Tensor) and a.requires_grad for a in arguments)",
        "        ):",
        "            return False",
        *[f"        if not ({test}):\n            return False" for test in tests],
        f"        for name, shape, dtype in ({expected_text}{',' if len(expected) == 1 else ''}):" if expected else "",
        "            t = self._egg_state(name)" if expected else "",
        "            if t.shape != shape or t.dtype is not dtype or t.device.type != "
        f"{dialect.device!r}:\n                return False"
        if expected
        else "",
        "        return True",
        "",
        "    def _egg_state(self, name):",
        '        owner, _, leaf = name.rpartition(".")',
        "        return getattr(self.get_submodule(owner), leaf)",
        "",
        "    def forward(self, *args, **kwargs):",
        "        if kwargs or not self._egg_fits(args):",
        "            return super().forward(*args, **kwargs)",
        f"        {', '.join(parameters)}{',' if len(parameters) == 1 else ''} = args" if parameters else "",
        *[f"        {line}" for line in body],
    ]
    return "\n".join(line for line in lines if line.strip() or line == "")


def _tensor_test(name: str, value: Any, device: str) -> str:
    import torch

    if isinstance(value, torch.Tensor):
        return (
            f"isinstance({name}, torch.Tensor) and {name}.shape == {tuple(value.shape)} "
            f"and {name}.dtype is {value.dtype} and {name}.device.type == {device!r}"
        )
    return f"_egg_same({name}, {value!r})"
