"""The triton dialect of the expert: kernels as `@triton.jit` functions, each with a function that launches it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib import resources

from egg_search.core.candidate import Dialect
from egg_search.core.syntax import parse
from operators.authors.expert.generator import Generator
from operators.authors.expert.plan import KernelCode
from operators.authors.expert.triton.registry import generators
from operators.authors.expert.triton.text import helpers

_PRELUDES = resources.files("operators.authors.expert.triton") / "preludes"


class TritonDialect:
    """Triton for NVIDIA GPUs. The same source runs on CPU tensors under TRITON_INTERPRET=1."""

    dialect = Dialect.TRITON
    device = "_EGG_DEVICE"

    @cached_property
    def generators(self) -> Mapping[str, Generator]:
        return generators()

    def definitions(self, kernels: Sequence[KernelCode]) -> str:
        runtime = (_PRELUDES / "runtime.py.txt").read_text().strip()
        return "\n\n\n".join([runtime, *_helpers(kernels), *(kernel.source.strip() for kernel in kernels)])

    def call(self, kernel: KernelCode, arguments: Sequence[str]) -> str:
        return f"{kernel.name}({', '.join(arguments)})"


def _helpers(kernels: Sequence[KernelCode]) -> list[str]:
    """The prelude's functions that kernels call, and those that these call, in the prelude's order."""
    functions = _prelude()
    needed, stack = set(), [name for kernel in kernels for name in kernel.preludes]
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack += [other for other in helpers(functions[name]) if other != name]
    return [text for name, text in functions.items() if name in needed]


@cache
def _prelude() -> dict[str, str]:
    """Name to text, decorators and comments included."""
    text = (_PRELUDES / "math.py.txt").read_text()
    lines = text.splitlines()
    functions = [node for node in parse(text).body if isinstance(node, ast.FunctionDef)]
    return {f.name: "\n".join(lines[f.decorator_list[0].lineno - 1 : f.end_lineno]) for f in functions}
