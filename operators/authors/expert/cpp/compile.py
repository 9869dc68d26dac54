"""Compiles one generated kernel and runs it on tensors: for tests and for looking at code by hand."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
from importlib import resources
from pathlib import Path

import torch

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import KernelCode

FLAGS = "-O3 -march=native -std=c++17 -fopenmp -fno-math-errno -fno-trapping-math -fPIC -shared".split()


class Kernel:
    """A loaded kernel. Raises RuntimeError with g++'s messages when it does not compile."""

    def __init__(self, code: KernelCode, folder: Path, configuration: dict[str, object] | None = None) -> None:
        preludes = resources.files("operators.authors.expert.cpp") / "preludes"
        source = "".join((preludes / name).read_text() for name in code.preludes).replace("#pragma once", "")
        source += code.source
        values = {k.name: k.default for k in code.knobs} | (configuration or {})
        flags = [*FLAGS, *(f"-D{name}={value}" for name, value in values.items())]
        key = hashlib.sha256(repr((source, flags)).encode()).hexdigest()[:16]
        path, library = folder / f"{key}.cpp", folder / f"{key}.so"
        if not library.exists():
            path.write_text(source)
            done = subprocess.run(["g++", *flags, "-o", library, path], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(done.stderr)
        self.code = code
        self.function = getattr(ctypes.CDLL(str(library)), code.name)
        self.function.argtypes = [ctypes.c_void_p] * (len(code.reads) + len(code.writes))
        self.function.restype = None

    def __call__(self, graph: Graph, values: dict[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        """The written nodes by id, from `values` of the read ones (made dense here)."""
        inputs = [values[i].contiguous() for i in self.code.reads]
        types = [graph[o].type for o in self.code.writes]
        outputs = [torch.empty(t.shape, dtype=getattr(torch, t.dtype)) for t in types]
        self.function(*(t.data_ptr() for t in (*inputs, *outputs)))
        return dict(zip(self.code.writes, outputs, strict=True))
