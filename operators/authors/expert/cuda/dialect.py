"""The cuda dialect of the expert: CUDA C++ that NVRTC compiles when the candidate is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources

from egg_search.core.candidate import Dialect
from operators.authors.expert.cuda.prelude import paragraphs
from operators.authors.expert.cuda.registry import generators
from operators.authors.expert.generator import Generator
from operators.authors.expert.plan import KernelCode

_RUNTIME = resources.files("operators.authors.expert.cuda") / "preludes" / "runtime.py.txt"


class CudaDialect:
    """CUDA C++17 through NVRTC, loaded and launched by CuPy on torch's current stream."""

    dialect = Dialect.CUDA
    device = repr("cuda")

    @cached_property
    def generators(self) -> Mapping[str, Generator]:
        return generators()

    def definitions(self, kernels: Sequence[KernelCode]) -> str:
        if not kernels:
            return "import torch"
        helpers = f"_EGG_HELPERS = r'''\n{paragraphs(n for k in kernels for n in k.preludes)}\n'''"
        sources = (kernel.source.strip() for kernel in kernels)
        return "\n\n\n".join([_RUNTIME.read_text().strip(), helpers, *sources, "_egg_compile()"])

    def call(self, kernel: KernelCode, arguments: Sequence[str]) -> str:
        return f"{kernel.name}({', '.join(arguments)})"
