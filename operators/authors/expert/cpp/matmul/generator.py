"""Matrix products with everything elementwise around them fused: blocked in caches, or streamed when skinny."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Value
from operators.authors.expert.cpp.matmul.operand import Operand
from operators.authors.expert.cpp.matmul.product import Product, product
from operators.authors.expert.cpp.matmul.schedule import IN_PLACE, LOCAL, SHARED, Sizes, blocked, skinny
from operators.authors.expert.cpp.matmul.text import BLOCKED, SKINNY, blocked_traits, finish, kernel_code
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.kernels.matmul.triangle import triangle
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan

_SKINNY = 8  # widest small factor whose sums fit registers
_FEW = 64  # rows up to which packing the right factor costs more than it gains


class MatmulGenerator:
    """Kernels of kind `matmul`. Choices: `product` is "packed", "turned" (the same, of the transposed factors, so that
    a right factor contiguous along the depth needs no packing) or "skinny"; `zeros` is "skipped" beside a diagonal.
    """

    kind = "matmul"

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        return product(graph, nodes, outputs) is not None

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        found = product(graph, nodes, outputs)
        assert found is not None, "structures are asked only of what is supported"
        choices: list[Mapping[str, Value]] = [{"product": "packed"}]
        if any(_triangles(found)):
            choices.insert(0, {"product": "packed", "zeros": "skipped"})
        if found.b.deep and found.n > 1 and found.m <= 4 * _FEW:
            choices.insert(0 if found.m <= _FEW and found.b.plain else 1, {"product": "turned"})
        if found.small <= _SKINNY:
            choices.insert(0, {"product": "skinny"})
        return choices

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        found = _found(graph, kernel)
        if kernel.choices["product"] == "skinny":
            _, big, small, width = _roles(found)
            return skinny(small, width, found.k, found.batch, big.deep, hardware)
        if kernel.choices.get("zeros") == "skipped":
            return blocked(Sizes(found.batch, found.m, found.n, found.k, (SHARED,), (SHARED,)), hardware)
        a = _places(found.a, found.a_batches, in_place=True)
        near = found.m <= 16 or 4 * found.k * found.n <= hardware.l1d_bytes // 2
        b = _places(found.b, found.b_batches if found.m > 32 else 2, in_place=near)
        return blocked(Sizes(found.batch, found.m, found.n, found.k, a, b), hardware)

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        found = product(graph, kernel.nodes, kernel.outputs)
        assert found is not None, "facts are asked only of what is supported"
        leaves = [graph[i] for i in found.reads]
        return {
            "kind": self.kind,
            "product": kernel.choices["product"],
            "batch": found.batch,
            "m": found.m,
            "n": found.n,
            "k": found.k,
            "flops": found.flops,
            "bytes": sum(n.type.bytes for n in leaves) + sum(graph[i].type.bytes for i in kernel.outputs),
            "weights": any(graph[i].op == "state" for i in (*found.a.reads, *found.b.reads)),
            "a_transposed": not found.a.deep,
            "b_transposed": found.b.deep,
            "prologue": not (found.a.plain and found.b.plain),
            "epilogue": len(found.contraction.after),
            "triangular": any(_triangles(found)),
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        found = _found(graph, kernel)
        return _skinny(found, kernel, name) if kernel.choices["product"] == "skinny" else _packed(found, kernel, name)


def _found(graph: Graph, kernel: KernelPlan) -> Product:
    found = product(graph, kernel.nodes, kernel.outputs, kernel.choices["product"] == "turned")
    if found is None:
        raise ValueError(f"no matmul kernel computes nodes {kernel.nodes}")
    return found


def _packed(found: Product, kernel: KernelPlan, name: str) -> KernelCode:
    prefix, skip = name.upper(), kernel.choices.get("zeros") == "skipped"
    body = [
        "// pass: pack a\n  const auto a = " + found.a.source(found.a_batches) + ";",
        "// pass: pack b\n  const auto b = " + found.b.source(found.b_batches) + ";",
        finish(found.epilogue),
        _range(found) if skip else "const gemm::AllDepths range;",
        f"// pass: multiply{' what is not zero' if skip else ''}",
        f"gemm::blocked<{prefix}_S>(a, gemm::right<{prefix}_S>(b), range, finish);",
    ]
    top = blocked_traits(prefix, found.batch, found.m, found.n, found.k, skip)
    return kernel_code(kernel, name, found.contraction, found.reads, top, body, BLOCKED)


def _skinny(found: Product, kernel: KernelPlan, name: str) -> KernelCode:
    prefix = name.upper()
    turned, big, small, width = _roles(found)
    sources = [
        f"const auto a = {found.a.source(found.a_batches)};",
        f"const auto b = {found.b.source(found.b_batches)};",
    ]
    top = f"""struct {prefix}_S {{
  static constexpr long BATCH = {found.batch}, BIG = {width}, K = {found.k};
  static constexpr int VEC = {prefix}_VECTOR, SMALL = {small}, ROWS = {prefix}_ROWS;
  static constexpr long CHUNK = {prefix}_CHUNK, SPLIT = std::min<long>(K, {prefix}_SPLIT_K);
  static constexpr bool TURNED = {str(turned).lower()};
}};"""
    body = [
        *sources,
        finish(found.epilogue),
        f"// pass: stream {'a' if turned else 'b'}, by {'dot products' if big.deep else 'sums of rows'}",
        f"gemm::skinny<{prefix}_S>({'b, a' if turned else 'a, b'}, finish);",
    ]
    return kernel_code(kernel, name, found.contraction, found.reads, top, body, SKINNY)


def _roles(found: Product) -> tuple[bool, Operand, int, int]:
    """Whether the left factor is the big one, the big factor, the width of the small one, the width of the big one."""
    turned = found.m > found.n
    return turned, found.a if turned else found.b, found.small, max(found.m, found.n)


def _places(side: Operand, batches: int, in_place: bool) -> tuple[int, ...]:
    """Where a factor's strips may be, the favourite first."""
    packed = (LOCAL, SHARED) if batches > 1 else (SHARED, LOCAL)
    if not side.plain or (not side.deep and side.width == "i" and side.stride > 512):
        return packed
    if side.width == "j" and side.deep:
        return packed
    return (IN_PLACE, *packed) if in_place else (*packed, IN_PLACE)


def _triangles(found: Product) -> tuple:
    return tuple(triangle(found.contraction.graph, side.node) for side in (found.a, found.b))


def _range(found: Product) -> str:
    """The lambda that says between which depths rows [i0, i1) and columns [j0, j1) can differ from zero."""
    low, high = ["0"], [str(found.k)]
    a, b = _triangles(found)
    if a is not None:
        (high if a.lower else low).append(f"{'i1' if a.lower else 'i0'} + {a.diagonal}")
    if b is not None:
        (low if b.lower else high).append(f"{'j0' if b.lower else 'j1'} - {b.diagonal}")
    lowest = f"std::max<long>({{{', '.join(low)}}})"
    highest = f"std::min<long>({{{', '.join(high)}}})"
    return (
        "const auto range = [=](long i0, long i1, long j0, long j1) -> gemm::Depths "
        f"{{ return {{{lowest}, {highest}}}; }};"
    )
