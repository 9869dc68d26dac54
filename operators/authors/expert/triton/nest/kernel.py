"""The Triton functions of a nest: rows in blocks, or elements, and what joins the programs' parts of a total."""

from __future__ import annotations

from dataclasses import replace

from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.trace import bound_final, final_place
from operators.authors.expert.plan import KernelCode, KernelPlan
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.nest.elementwise import is_tiled, tiled_functions
from operators.authors.expert.triton.nest.frame import Frame, flattened, is_wide, program
from operators.authors.expert.triton.nest.functions import Functions, frame_of
from operators.authors.expert.triton.nest.passes import Passes, passes
from operators.authors.expert.triton.nest.settings import Settings
from operators.authors.expert.triton.nest.split import Split
from operators.authors.expert.triton.nest.states import Fold, Simple, kind
from operators.authors.expert.triton.text import indented, loop

_TOTAL_BLOCK = 1024
_ALIGNED = 16  # elements: a mask that ends at a multiple of them keeps accesses wide


def kernel_code(nest: Nest, plan: KernelPlan, name: str, settings: Settings) -> KernelCode:
    """The code of a nest under its schedule."""
    if is_tiled(nest) and "tile_y" in settings.decisions:
        return tiled_functions(Functions(nest, name, settings), is_wide(nest))
    flat, form = flattened(nest), str(plan.choices.get("row", ""))
    out, frame = Functions(flat, name, settings), frame_of(flat, settings, is_wide(nest), form == "registers")
    return Split(out, frame).code() if form == "split" else _row_functions(out, frame, form == "registers")


def _row_functions(out: Functions, frame: Frame, held: bool) -> KernelCode:
    """One function for all rows, and one for totals if there are any."""
    nest, blocks = out.nest, out.blocks()
    # A first run over the passes finds out which one reads a tensor last.
    seen = _rows(passes(out.settings, frame, held, {})).read_in
    found = _rows(passes(out.settings, frame, held, seen))
    if not nest.reductions and not nest.totals and frame.by_rows and nest.rows.numel % _ALIGNED:
        unmasked = replace(frame, whole=frozenset([nest.rows.numel]))
        found.body[:] = _guarded_tail(found, _rows(passes(out.settings, unmasked, held, seen)))
    persistent = "programs_per_core" in out.settings.decisions and out.settings.ever("programs_per_core")
    if persistent:
        head = "block in tl.range(tl.program_id(0), BLOCKS, tl.num_programs(0))"
        inner = [line.replace(program(True), "block.to(tl.int64)") for line in found.body]
        body = loop(head, [line.replace(program(False), "block") for line in inner])
        each = out.constant("programs_per_core")
        # No programs a multiprocessor means one for every block.
        at_will = " or blocks" if 0 in out.settings.every("programs_per_core") else ""
        grid = f"(min(blocks, {out.settings.value('cores')} * {each}{at_will}),)"
    else:
        body, grid = found.body, "(blocks,)"
    fields = {f"sum{t}": Simple(nest.graph[t], nest.graph[t].dtype).fields[0] for t in nest.totals}
    scratch = {name: f.storage for name, f in fields.items()}
    writes = [o for o in nest.outputs if o not in nest.final]
    out.add("kernel", body, sorted(found.emitter.reads), writes, scratch, grid, {"BLOCKS": blocks})
    if nest.totals:
        out.add("totals", *_totals(nest), scratch=scratch, values={"BLOCKS": blocks, "STEP": str(_TOTAL_BLOCK)})
    like = "torch.empty(blocks, dtype=torch.{}, device=_EGG_DEVICE)"
    return out.code([f"blocks = {blocks}", *(f"{name} = {like.format(t)}" for name, t in scratch.items())])


def _guarded_tail(careful: Passes, whole: Passes) -> list[str]:
    """Masks that end anywhere would make every access a scalar one: only the last block has them."""
    numel, block = careful.nest.rows.numel, program(careful.frame.wide)
    return [f"if ({block} + 1) * ROWS <= {numel}:", *indented(whole.body), "else:", *indented(careful.body)]


def _rows(found: Passes) -> Passes:
    """The body of a program that has whole rows."""
    nest, block = found.nest, program(found.frame.wide)
    if found.held:
        found.body.append("# pass: hold rows")
    found.body += found.frame.rows(block)
    for level in nest.levels:
        for group in found.groups(level):
            found.reduce(group)
            found.finish(group)
    found.write_elements()
    stores = found.write_rows()
    found.body += [*stores, *found.contributions(block)]
    return found


def _totals(nest: Nest) -> tuple[list[str], list[int], list[int]]:
    """Body, reads and writes of the one program that joins the parts of totals in a fixed order."""
    body = []
    for t in nest.totals:
        node = nest.graph[t]
        each = Simple(node, node.dtype, f"f{t}")
        start = each.fields[0].start
        step = [
            "block = start + tl.arange(0, STEP)",
            *each.update(f"tl.load(sum{t} + block, mask=block < BLOCKS)", "", "block < BLOCKS"),
        ]
        body += [f"# pass: total {each.op}", f"f{t} = tl.full([STEP], {start}, {kind(each.fields[0])})"]
        body += [*loop("start in tl.range(0, BLOCKS, STEP)", step), *each.fold(Fold("0"))]
    emitter = Emitter(nest.graph, nest.nodes, bound_final(nest, "v{}".format), scopes=[Scope(frozenset(), body)])
    body += [emitter.store(o, final_place(nest, o)) for o in nest.final_outputs]
    return body, sorted(emitter.reads), nest.final_outputs
