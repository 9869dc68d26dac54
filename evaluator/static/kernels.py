"""Is there a kernel, and does forward's result come from it?"""

from __future__ import annotations

from evaluator.static.flow import Flow, parameters
from evaluator.static.loaded import Kernels
from evaluator.static.module import Flags, Module

LIBRARY_ONLY, DEAD = "library-only", "dead-kernel"


def kernel_flags(module: Module) -> Flags:
    kernels = Kernels(module)
    if not kernels.loaded:
        yield LIBRARY_ONLY, "forward calls torch operators only, no kernel is loaded"
        return
    if module.forward is None:  # inherited from somewhere else
        return
    effect = Flow(module, kernels).effect(module.forward, frozenset(parameters(module.forward)))
    if effect.line is None:
        yield DEAD, f"forward at line {module.forward.lineno} launches none of the kernels that are loaded"
    elif not effect.returned:
        yield DEAD, f"nothing that the launch at line {effect.line} writes is in what forward returns"
