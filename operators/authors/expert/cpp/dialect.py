"""The cpp dialect of the expert: one shared object a kernel, compiled by g++ when the candidate is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources

from egg_search.core.candidate import Dialect
from operators.authors.expert.cpp.registry import generators
from operators.authors.expert.generator import Generator
from operators.authors.expert.plan import KernelCode

_PRELUDES = resources.files("operators.authors.expert.cpp") / "preludes"


class CppDialect:
    """C++17 with OpenMP through g++ and ctypes."""

    dialect = Dialect.CPP
    device = repr("cpu")

    @cached_property
    def generators(self) -> Mapping[str, Generator]:
        return generators()

    def definitions(self, kernels: Sequence[KernelCode]) -> str:
        if not kernels:
            return "import torch"
        preludes = dict.fromkeys(name for kernel in kernels for name in kernel.preludes)
        parts = ["import torch"]
        parts += [f"_EGG_{_constant(name)} = r'''\n{_prelude(name)}'''" for name in preludes]
        parts.append((_PRELUDES / "runtime.py.txt").read_text().strip())
        parts.append("_EGG_SOURCES = {\n" + "\n".join(_source_entry(kernel) for kernel in kernels) + "\n}")
        parts.append("_EGG_KERNELS = _egg_load(_EGG_SOURCES)")
        parts += [f"_{k.name} = _egg_function({k.name!r}, {len(k.reads) + len(k.writes)})" for k in kernels]
        return "\n\n".join(parts)

    def call(self, kernel: KernelCode, arguments: Sequence[str]) -> str:
        return f"_{kernel.name}({', '.join(f'{a}.data_ptr()' for a in arguments)})"


def _constant(prelude: str) -> str:
    return prelude.removesuffix(".h").upper().replace("-", "_")


def _prelude(name: str) -> str:
    return (_PRELUDES / name).read_text()


def _source_entry(kernel: KernelCode) -> str:
    text = " + ".join([f"_EGG_{_constant(name)}" for name in kernel.preludes] + [f"r'''\n{kernel.source.strip()}\n'''"])
    knobs = ", ".join(f"{k.name!r}: {k.name}" for k in kernel.knobs)
    return f"    {kernel.name!r}: ({text}, {{{knobs}}}),"
