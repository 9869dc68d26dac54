"""The function of a nest kernel: loops over rows around a layout's passes."""

from __future__ import annotations

from egg_search.core.knobs import Value
from operators.authors.expert.cpp.dtypes import COMPUTE
from operators.authors.expert.cpp.expr import Emitter, parameters
from operators.authors.expert.cpp.nest.across import Across
from operators.authors.expert.cpp.nest.inside import Inside
from operators.authors.expert.cpp.nest.keep import LIMIT_BYTES, worth_keeping
from operators.authors.expert.cpp.nest.online import Online
from operators.authors.expert.cpp.nest.states import Simple, identity
from operators.authors.expert.cpp.nest.text import at_most, default_macro, indented, loop
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.trace import bound_final, final_place
from operators.authors.expert.plan import KernelCode, KernelPlan

PRELUDES = ("types.h", "math.h")
ONLINE = "online.h"
_LANE_MACROS = {"inside": ("vec", "unroll"), "across": ("col_block",)}


def kernel_code(nest: Nest, kernel: KernelPlan, name: str, settings: dict[str, Value]) -> KernelCode:
    """The code of a nest under `settings`, the value of each decision."""
    prefix, lanes = name.upper(), str(settings["lanes"])
    parts = f"{prefix}_PARTS" if settings["parallel"] == "split" else ""
    kept = worth_keeping(nest) if kernel.choices.get("keep") == "store" else ()
    streaming = kernel.schedule.get("stream_stores")
    stream = f"{prefix}_STREAM_STORES" if streaming and (streaming.value or streaming.choices) else ""
    if lanes == ("across" if nest.reductions else "inside"):
        stream = ""
    if lanes == "inside":
        layout = Inside(nest, int(settings["vec"]) * int(settings["unroll"]), parts, kept, stream)
        body, width = _rows(nest, layout.row(), settings, prefix), f"({prefix}_VEC * {prefix}_UNROLL)"
    else:
        size = min([nest.rows.sizes[-1], *(LIMIT_BYTES // (2 * nest.spaces[k.space].numel) for k in kept)])
        layout = Across(nest, min(int(settings["col_block"]), size), parts, kept, stream)
        body, width = _blocks(nest, layout.row(), settings, prefix), at_most(f"{prefix}_COL_BLOCK", max(size, 1))
    macros = [*_LANE_MACROS[lanes], *(["parts"] if parts else []), *(["stream_stores"] if stream else [])]
    if settings["parallel"] == "rows" and settings["omp_schedule"] == "dynamic":
        macros.append("rows_per_task")
    after = _totals(nest, layout.reads)
    reads, writes = tuple(sorted(layout.reads)), nest.outputs
    source = [
        *(line for m in macros for line in default_macro(f"{prefix}_{m.upper()}", settings[m])),
        f"#define LANES {width}",
        f'extern "C" void {name}({parameters(nest.graph, reads, writes)}) {{',
        *_scratch(nest),
        *body,
        *after,
        "}",
    ]
    decided = (kernel.schedule[m] for m in macros if m in kernel.schedule)
    knobs = tuple(k for k in (d.knob(prefix) for d in decided) if k)
    preludes = (*PRELUDES, ONLINE) if any(isinstance(j, Online) for j in nest.joint.values()) else PRELUDES
    return KernelCode(name, indented(source), reads, writes, knobs, preludes)


def _scratch(nest: Nest) -> list[str]:
    """Arrays of what every row contributes to a total."""
    kinds = {t: COMPUTE[nest.graph[t].dtype] for t in nest.totals}
    size = nest.rows.numel
    return [f"{kind}* w{t} = ({kind}*)__builtin_malloc({size} * sizeof({kind}));" for t, kind in kinds.items()]


def _totals(nest: Nest, reads: dict[int, None]) -> list[str]:
    """Joins the rows' contributions in their order, then writes what needs the totals. Float sums add up in double."""
    lines = []
    for t in nest.totals:
        node = nest.graph[t]
        op, kind = node.attrs["op"], COMPUTE[node.dtype]
        wide = op == "sum" and node.dtype.is_float
        state = Simple(node, op, node.dtype)
        update = state.merge("{0}", f"w{t}[i]").replace(state.fields[0].name, "total")
        pragma = "omp simd reduction(+:total)" if wide else ""
        lines += [
            f"// pass: total {op}",
            f"{kind} f{t};",
            "{",
            f"{'double' if wide else kind} total = {identity(op, node.dtype)};",
            *loop("i", nest.rows.numel, [update], pragma=pragma),
            f"f{t} = total;",
            f"__builtin_free(w{t});",
            "}",
        ]
    return lines + (_final(nest, reads) if nest.final_outputs else [])


def _final(nest: Nest, reads: dict[int, None]) -> list[str]:
    """Statements that write what needs totals, `f<id>`."""
    emitter = Emitter(nest.graph, nest.nodes, bound_final(nest, "v{}".format), reads=reads)
    stores = [emitter.store(o, final_place(nest, o)) for o in nest.final_outputs]
    return [*emitter.take_lines(), *stores]


def _pragma(loops: int, settings: dict[str, Value], prefix: str) -> list[str]:
    if settings["parallel"] != "rows":
        return []
    how = {"dynamic": f"dynamic, {prefix}_ROWS_PER_TASK"}.get(str(settings["omp_schedule"]), settings["omp_schedule"])
    collapse = f" collapse({loops})" if loops > 1 else ""
    return [f"#pragma omp parallel for{collapse} schedule({how})"]


def _rows(nest: Nest, row: list[str], settings: dict[str, Value], prefix: str) -> list[str]:
    lines = row
    for name, size in reversed(list(zip(nest.rows.names, nest.rows.sizes, strict=True))):
        lines = loop(name, size, lines)
    return [*_pragma(len(nest.rows.sizes), settings, prefix), *lines]


def _blocks(nest: Nest, block: list[str], settings: dict[str, Value], prefix: str) -> list[str]:
    """Blocks of LANES rows along the last variable; the last block may be narrower, and both widths are constants."""
    size, outer = nest.rows.sizes[-1], nest.rows.names[:-1]
    arguments = ", ".join([*(f"const long {n}" for n in outer), "const long c", "const auto width"])
    call = ", ".join([*outer, "c"])
    lines = [
        f"if (c + LANES <= {size}) block({call}, k_const<LANES>());",
        f"else block({call}, k_const<{size} % LANES>());",
    ]
    around = [(n, extent, "") for n, extent in zip(outer, nest.rows.sizes, strict=False)]
    block_loop = ("c", size, "LANES")
    around = [block_loop, *around] if settings["order"] == "blocks" else [*around, block_loop]
    for variable, extent, step in reversed(around):
        lines = loop(variable, extent, lines, step=step)
    function = f"const auto block = [&]({arguments}) __attribute__((always_inline)) {{"
    return [function, *block, "};", *_pragma(len(outer) + 1, settings, prefix), *lines]
