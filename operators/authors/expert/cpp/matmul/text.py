"""C++ text of kernels built on the `gemm` preludes."""

from __future__ import annotations

from collections.abc import Sequence

from operators.authors.expert.cpp.expr import parameters
from operators.authors.expert.cpp.matmul.epilogue import Epilogue
from operators.authors.expert.kernels.matmul.contraction import Contraction
from operators.authors.expert.plan import KernelCode, KernelPlan

MATH = ("types.h", "math.h")
BLOCKED = (*MATH, "gemm.h", "gemm_pack.h", "gemm_blocked.h")
SKINNY = (*MATH, "gemm.h", "gemm_pack.h", "gemm_skinny.h")


def blocked_traits(prefix: str, batch: int, m: int, n: int, k: int, skip: bool) -> str:
    """The struct that `gemm::blocked` is told its shape and schedule by."""
    return f"""struct {prefix}_S {{
  static constexpr long BATCH = {batch}, M = {m}, N = {n}, K = {k};
  static constexpr int VEC = {prefix}_VECTOR, MR = {prefix}_MR, NR = {prefix}_NR;
  static constexpr long MC = {prefix}_MC, NC = {prefix}_NC, KC = {prefix}_KC;
  static constexpr long SPLIT = std::min<long>(K, {prefix}_SPLIT_K);
  static constexpr int GRID = gemm::grid::{prefix}_GRID, PACK_A = {prefix}_PACK_A, PACK_B = {prefix}_PACK_B;
  static constexpr int AHEAD = {prefix}_PREFETCH;
  static constexpr bool DYNAMIC = {prefix}_DYNAMIC, SKIP = {str(skip).lower()};
}};"""


def finish(epilogue: Epilogue) -> str:
    """The lambda that stores results, given one row of sums."""
    return (
        "// pass: epilogue\n"
        "  const auto finish = [=](long batch, long i, long from, long count, const float* __restrict sums) {\n"
        f"  {epilogue.text}\n  }};"
    )


def kernel_code(
    kernel: KernelPlan,
    name: str,
    contraction: Contraction,
    reads: Sequence[int],
    top: str,
    body: Sequence[str],
    preludes: tuple[str, ...],
) -> KernelCode:
    """The code of one kernel: `top` goes before the function, `body` into it."""
    prefix = name.upper()
    decisions = kernel.schedule.values()
    knobs = tuple(knob for d in decisions if (knob := d.knob(prefix)) is not None)
    fixed = [f"#define {prefix}_{d.name.upper()} {d.value}" for d in decisions if d.knob(prefix) is None]
    statements = "\n".join(f"  {line}" for line in body)
    signature = f'extern "C" void {name}({parameters(contraction.graph, reads, contraction.outputs)})'
    source = "\n".join([*fixed, top, f"{signature} {{\n{statements}\n}}"]) + "\n"
    return KernelCode(name, source, tuple(reads), contraction.outputs, knobs, preludes)
