"""The function of a scan kernel, along a contiguous axis or across the contiguous one."""

from __future__ import annotations

from egg_search.core.knobs import Value
from operators.authors.expert.cpp.dtypes import COMPUTE, converted
from operators.authors.expert.cpp.expr import Scope, parameters
from operators.authors.expert.cpp.nest.states import identity
from operators.authors.expert.cpp.nest.text import at_most, default_macro, indented, loop
from operators.authors.expert.cpp.scan.analysis import Scan
from operators.authors.expert.plan import KernelCode, KernelPlan

PRELUDES = ("types.h", "math.h", "scan.h")
_JOIN = {"sum": "{a} + {b}", "prod": "{a} * {b}", "max": "k_max({a}, {b})", "min": "k_min({a}, {b})"}


def kernel_code(scan: Scan, kernel: KernelPlan, name: str, settings: dict[str, Value]) -> KernelCode:
    prefix, reads = name.upper(), {}
    if scan.sizes[2] == 1:
        macros, lanes = ("vec", "unroll"), f"({prefix}_VEC * {prefix}_UNROLL)"
        body, collapse = _along(scan, reads, f"{prefix}_VEC"), False
    else:
        macros, lanes = ("col_block",), at_most(f"{prefix}_COL_BLOCK", scan.sizes[2])
        body, collapse = _across(scan, reads), True
    ordered = tuple(sorted(reads))
    source = [
        *(line for m in macros for line in default_macro(f"{prefix}_{m.upper()}", settings[m])),
        f"#define LANES {lanes}",
        f'extern "C" void {name}({parameters(scan.graph, ordered, scan.outputs)}) {{',
        *_pragma(settings, collapse),
        *body,
        "}",
    ]
    decided = (kernel.schedule[m] for m in macros if m in kernel.schedule)
    knobs = tuple(k for k in (d.knob(prefix) for d in decided) if k)
    return KernelCode(name, indented(source), ordered, scan.outputs, knobs, PRELUDES)


def _pragma(settings: dict[str, Value], collapse: bool) -> list[str]:
    if settings["parallel"] != "rows":
        return []
    return [f"#pragma omp parallel for{' collapse(2)' * collapse} schedule({settings['omp_schedule']})"]


def _prologue(scan: Scan, scopes: list[Scope], reads: dict[int, None]) -> tuple[list[str], str]:
    emitter = scan.emitter(scopes, "", reads)
    source = scan.graph[scan.graph[scan.scan].inputs[0]]
    value = emitter.value(source.id, scan.place(scan.scan))
    return emitter.take_lines(), converted(value, source.dtype, scan.graph[scan.scan].dtype)


def _epilogue(scan: Scan, scopes: list[Scope], running: str, reads: dict[int, None]) -> list[str]:
    emitter = scan.emitter(scopes, running, reads)
    emitter.prefix = "e"
    stores = [emitter.store(o, scan.place(o)) for o in scan.outputs]
    return [*emitter.take_lines(), *stores]


def _across(scan: Scan, reads: dict[int, None]) -> list[str]:
    """Lanes along the contiguous axis, each with its own carry."""
    outer, length, inner = scan.sizes
    carry, dtype = COMPUTE[scan.carried], scan.graph[scan.scan].dtype
    row, step = Scope(frozenset("o")), Scope(frozenset("os"))
    lines, value = _prologue(scan, [row, step], reads)
    joined = _JOIN[scan.op].format(a="carry[l]", b=f"({carry}){value}")
    value_lines = [
        "const long i = c + l;",
        *lines,
        f"carry[l] = {joined};",
        f"const {COMPUTE[dtype]} running = {converted('carry[l]', scan.carried, dtype)};",
        *_epilogue(scan, [row, step], "running", reads),
    ]
    lanes = loop("l", "width", value_lines, pragma="omp simd")
    start = identity(scan.op, scan.carried)
    body = [
        f"const long width = c + LANES <= {inner} ? LANES : {inner} - c;",
        f"alignas(64) {carry} carry[LANES];",
        f"for (long l = 0; l < LANES; ++l) carry[l] = {start};",
        *row.lines,
        f"// pass: scan {scan.op}",
        *loop("s", length, [*step.lines, *lanes]),
    ]
    return loop("o", outer, loop("c", inner, body, step="LANES"))


def _along(scan: Scan, reads: dict[int, None], width: str) -> list[str]:
    """Blocks of LANES steps, of which `width` at a time are scanned in registers and joined with the carry."""
    outer, length, _ = scan.sizes
    dtype, carry = scan.graph[scan.scan].dtype, COMPUTE[scan.carried]
    # A product of a few floats may overflow where the running product does not: products stay in double.
    block = carry if scan.op == "prod" else COMPUTE[dtype]
    start = identity(scan.op, scan.carried if scan.op == "prod" else dtype)
    row = Scope(frozenset("o"))
    lines, value = _prologue(scan, [row], reads)
    epilogue = _epilogue(scan, [row], "running", reads)
    after = [f"const {COMPUTE[dtype]} running = ({COMPUTE[dtype]})x[l];", *epilogue]
    first, rest = "const long s = b + l;", f"{length} - b"
    scanned = f"k_scan<k_scan_{scan.op}, {block}, {width}>(x, LANES, {start}, carry);"
    body = [
        f"{carry} carry = {identity(scan.op, scan.carried)};",
        *row.lines,
        f"// pass: scan {scan.op}",
        f"alignas(64) {block} x[LANES];",
        "long b = 0;",
        f"for (; b + LANES <= {length}; b += LANES) {{",
        *loop("l", "LANES", [first, *lines, f"x[l] = ({block}){value};"], pragma="omp simd"),
        scanned,
        *loop("l", "LANES", [first, *after], pragma="omp simd"),
        "}",
        f"if (b < {length}) {{",
        f"for (long l = 0; l < LANES; ++l) x[l] = {start};",
        *loop("l", rest, [first, *lines, f"x[l] = ({block}){value};"], pragma="omp simd"),
        scanned,
        *loop("l", rest, [first, *after], pragma="omp simd"),
        "}",
    ]
    return loop("o", outer, body)
