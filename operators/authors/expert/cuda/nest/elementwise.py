"""Nests without reductions: every thread takes a few runs of neighbouring elements."""

from __future__ import annotations

from operators.authors.expert.cuda.expr import Emitter, Scope
from operators.authors.expert.cuda.functions import Functions
from operators.authors.expert.cuda.lanes import Lanes, widest
from operators.authors.expert.cuda.nest.accesses import accesses
from operators.authors.expert.cuda.nest.frame import each_neighbour, index_kind
from operators.authors.expert.cuda.text import UNROLL, block, split
from operators.authors.expert.kernels.expr import Unsupported
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.arithmetic import quick_nodes
from operators.authors.expert.kernels.nest.domain import Space
from operators.authors.expert.plan import KernelCode


def shaped(nest: Nest) -> tuple[Nest, int]:
    """The nest on the variables along which most neighbours move together, and how many do: those that keep every index
    affine, or one for all elements, where others divide."""
    found = [nest]
    if len(nest.rows.names) > 1:
        found.append(nest.with_spaces(Space(nest.rows.prefix, (nest.rows.numel,)), nest.spaces))
    widths = [_width(each) for each in found]
    best = max(range(len(found)), key=lambda i: (widths[i], -i))
    return found[best], widths[best]


def _width(nest: Nest) -> int:
    rows = nest.rows
    try:
        return widest(accesses(nest), rows.names[-1], rows.sizes[-1], ragged=len(rows.names) == 1)
    except Unsupported:  # index arithmetic cannot follow one variable for all
        return 0


def elementwise_code(nest: Nest, out: Functions) -> KernelCode:
    """A block has UNROLL runs of THREADS * VEC elements."""
    nest, width = shaped(nest)
    rows, kind = nest.rows, index_kind(nest)
    lanes = Lanes(rows.names[-1], rows.sizes[-1], width)
    names = (*rows.names[:-1], "start") if width > 1 else rows.names
    vector = Scope(frozenset(rows.names[:-1] if width > 1 else rows.names))
    ragged = rows.numel if width > 1 and rows.numel % width else 0
    emitter = Emitter(nest.graph, nest.nodes, scopes=[vector], lanes=lanes, ragged=ragged, quick=quick_nodes(nest))
    stores = [emitter.store(o, nest.output_place(o)) for o in nest.outputs]
    body = [*emitter.take_lines(), *(one for _, one, _ in stores)]
    if width > 1:
        body = block(f"if ({lanes.variable} < {ragged})", body) if ragged else body
        body = each_neighbour(kind, lanes.variable, body)
    body = [*vector.lines, *(x for b, _, _ in stores for x in b), *body, *(x for _, _, a in stores for x in a)]
    vec, n = (" * VEC", "VEC") if width > 1 else ("", "1")
    place = [f"const {kind} i = (({kind})blockIdx.x * UNROLL + u) * (THREADS{vec}) + threadIdx.x{vec};"]
    whole = f"{rows.numel} % (THREADS * UNROLL{vec}) == 0"
    inner = block(f"if ({whole} || i < {rows.numel})", [*split("i", names, rows.sizes, kind), *body])
    lines = [UNROLL, *block("for (int u = 0; u < UNROLL; ++u)", [*place, *inner])]
    each = " * ".join(out.value(m) for m in ("THREADS", "UNROLL", *([n] if width > 1 else [])))
    out.add("map", lines, sorted(emitter.reads), nest.outputs, grid=f"(_egg_blocks({rows.numel}, {each}),)")
    return out.code(nest.outputs)
