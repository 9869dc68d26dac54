"""Compiles generated CUDA kernels by NVRTC, which needs no GPU, and reads what they take of one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cupy_backends.cuda.libs import nvrtc

from operators.authors.expert.cuda.prelude import paragraphs

_ENTRY = re.compile(
    r"Compiling entry function '(?P<name>\w+)'.*?(?P<spill>\d+) bytes spill stores.*?"
    r"Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Compiled:
    name: str
    threads: int
    registers: int
    spilled: int  # bytes
    shared: int  # bytes
    ptx: str


def compiled(code, arch):
    """Every kernel of `code` for `sm_<arch>`, under its default knobs."""
    built = []
    values = {knob.name: knob.default for knob in code.knobs}
    module = {"torch": None, "_EGG_HELPERS": paragraphs(code.preludes), "_EggKernel": lambda path, name: None}
    exec(code.source, {**module, **values, "_egg_build": lambda name, source, **macros: built.append((source, macros))})
    return [one for source, macros in built for one in _kernels(source, macros, arch)]


def _kernels(source, macros, arch):
    options = ["--std=c++17", f"--gpu-architecture=sm_{arch}", "--ptxas-options=-v"]
    options += [f"--define-macro={name}={value}" for name, value in macros.items()]
    program = nvrtc.createProgram(source, "kernel.cu", (), ())
    try:
        nvrtc.compileProgram(program, options)
    except nvrtc.NVRTCError:
        raise AssertionError(nvrtc.getProgramLog(program)) from None
    log, ptx = nvrtc.getProgramLog(program), nvrtc.getPTX(program).decode()
    nvrtc.destroyProgram(program)
    for found in _ENTRY.finditer(log):
        shared = re.search(r"(\d+) bytes smem", found["rest"])
        registers, spilled = int(found["registers"]), int(found["spill"])
        yield Compiled(found["name"], int(macros["THREADS"]), registers, spilled, int(shared[1]) if shared else 0, ptx)
