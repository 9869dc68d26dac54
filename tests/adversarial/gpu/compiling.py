"""Compiles the kernels in candidates for a GPU without one, and without running a candidate."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path

_ARCH = 90
# By kernel: the types of its arguments, and the values of those that are constants.
_KERNELS = {
    "normalised_softmax": ("*fp32 *fp32 *fp32 *fp32 i32 fp32", {"BLOCK": 1024}),
    "all_rows": ("*fp32 *fp32 *fp32 *fp32 i32 i32 fp32", {"BLOCK": 1024}),
    "chain": ("*fp32 *fp32 *fp32 *fp32 *fp32 i32 i32", {"BLOCK": 512}),
    "weighted_sum": ("*fp32 *fp32 *fp32 *fp32 i32 i32 fp32", {"BLOCK": 4096}),
    "exact_sum": ("*fp32 *fp32 *fp32 *fp64 i32 i32", {"BLOCK": 4096}),
    "partial_sums": ("*fp32 *fp32 *fp32 *fp32 i32 i32", {"BLOCK": 4096}),
    "racing_sum": ("*fp32 *fp32 *fp32 *fp32 i32 i32 fp32", {"BLOCK": 1024}),
    "scales": ("*fp32 *fp32 i32", {"BLOCK": 1024}),
    "scaled": ("*fp32 *fp32 *fp32 *fp32 i32", {"BLOCK": 1024}),
    "product": ("*fp32 *fp32 *fp32 *fp32 i32 i32 i32", {"MODE": "tf32x3", "M": 64, "N": 64, "K": 32}),
    "described": (
        "tensordesc<fp32[64,32]> tensordesc<fp32[64,32]> *fp32 tensordesc<fp32[64,64]> i32 i32",
        {"MODE": "tf32x3", "M": 64, "N": 64, "K": 32},
    ),
    "wait_for_change": ("*i32 i32 i32 i32", {}),
    "write": ("*fp32 i32", {"SHIFT": 34}),
    "endless": ("*fp32", {}),
}


def compile_triton(sources: list[str], folder: Path) -> None:
    """Every kernel once. Raises when one does not compile, or is not in the table above."""
    texts = {text for source in sources for text in _kernel_texts(source)}
    head = "import triton\nimport triton.language as tl\nfrom triton.language.extra import libdevice\n\n"
    (folder / "gpu_corpus_kernels.py").write_text(head + "\n\n".join(sorted(texts)))
    sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module("gpu_corpus_kernels")
    finally:
        sys.path.remove(str(folder))
    names = {re.search(r"def (\w+)", text)[1] for text in texts}
    assert names == set(_KERNELS), names ^ set(_KERNELS)
    for name in sorted(names):
        _compile(getattr(module, name), *_KERNELS[name])


def _kernel_texts(source: str) -> list[str]:
    """The text of what is decorated with `triton.jit`, without other decorators."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    kernels = [node for node in functions if "triton.jit" in map(ast.unparse, node.decorator_list)]
    return ["@triton.jit\n" + ast.get_source_segment(source, node) for node in kernels]


def _compile(function, types: str, constants: dict) -> None:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = [name for name in function.arg_names if name not in constants]
    signature = dict(zip(names, types.split(), strict=True)) | dict.fromkeys(constants, "constexpr")
    source = ASTSource(function, {name: signature[name] for name in function.arg_names}, constants)
    made = triton.compile(source, target=GPUTarget("cuda", _ARCH, 32))
    assert made.asm["cubin"]


def compile_cuda(sources: list[str]) -> list[bytes]:
    """What NVRTC makes of each piece of CUDA C++: code for the device. Raises when one does not compile."""
    from cupy_backends.cuda.libs import nvrtc

    made = []
    for source in sources:
        program = nvrtc.createProgram(re.search(r'r"""(.*?)"""', source, re.S)[1], "piece.cu", (), ())
        try:
            nvrtc.compileProgram(program, (f"-arch=sm_{_ARCH}",))
        except nvrtc.NVRTCError:
            raise AssertionError(nvrtc.getProgramLog(program)) from None
        made.append(nvrtc.getCUBIN(program))
    return made
