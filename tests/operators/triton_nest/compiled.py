"""Compiles generated Triton kernels ahead of time, which needs no GPU."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from dataclasses import dataclass

import triton
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import get_ptxas
from triton.compiler import ASTSource

_POINTERS = {
    "float64": "*fp64",
    "float32": "*fp32",
    "float16": "*fp16",
    "bfloat16": "*bf16",
    "int64": "*i64",
    "int32": "*i32",
    "int16": "*i16",
    "int8": "*i8",
    "uint8": "*u8",
    "bool": "*i1",
}


@dataclass(frozen=True)
class Compiled:
    name: str
    shared: int  # bytes
    ptx: str
    registers: int
    spilled: int  # bytes


def compiled(folder, name, text, arch):
    """Every kernel of a module `text` for `sm_<arch>`, as a launch on aligned tensors would have it."""
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)  # no entry in sys.modules: other tests use the name too
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [_one(folder, arch, *each) for each in module._EGG_KERNELS]


def _one(folder, arch, function, dtypes, constants):
    options = {name: value for name, value in constants.items() if name == "num_warps"}
    known = {name: value for name, value in constants.items() if name not in options}
    types = [_POINTERS[str(each).removeprefix("torch.")] for each in dtypes]
    signature = dict(zip(function.arg_names, types, strict=False)) | dict.fromkeys(known, "constexpr")
    aligned = {(i,): [["tt.divisibility", 16]] for i in range(len(types))}
    source = ASTSource(function, {name: signature[name] for name in function.arg_names}, known, aligned)
    made = triton.compile(source, target=GPUTarget("cuda", arch, 32), options=options)
    ptx = folder / f"{function.__name__}.ptx"
    ptx.write_text(made.asm["ptx"])
    command = [get_ptxas(arch).path, "-v", f"-arch=sm_{arch}{'a' if arch >= 90 else ''}", str(ptx), "-o", "/dev/null"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill", told)))
    registers = int(re.search(r"Used (\d+) registers", told)[1])
    return Compiled(function.__name__, made.metadata.shared, made.asm["ptx"], registers, spilled)
