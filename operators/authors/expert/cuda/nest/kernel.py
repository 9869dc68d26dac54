"""The kernels of a nest: elements, tiles or rows, and what joins the blocks' parts of a total."""

from __future__ import annotations

from operators.authors.expert.cuda.expr import Emitter, Scope
from operators.authors.expert.cuda.functions import Functions
from operators.authors.expert.cuda.nest.cluster import Clustered
from operators.authors.expert.cuda.nest.elementwise import elementwise_code
from operators.authors.expert.cuda.nest.frame import Frame, by_shuffles, index_kind
from operators.authors.expert.cuda.nest.passes import Passes
from operators.authors.expert.cuda.nest.schedule import HELD, is_tiled, width
from operators.authors.expert.cuda.nest.split import allocation, split_code
from operators.authors.expert.cuda.nest.states import Simple
from operators.authors.expert.cuda.nest.tiles import tiled_code
from operators.authors.expert.cuda.settings import Settings
from operators.authors.expert.cuda.text import block
from operators.authors.expert.kernels.nest.access import lies_inside
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.trace import bound_final, final_place
from operators.authors.expert.plan import KernelCode, KernelPlan


def kernel_code(nest: Nest, plan: KernelPlan, name: str, settings: Settings) -> KernelCode:
    """The code of a nest under its schedule."""
    out = Functions(nest.graph, name, settings)
    if is_tiled(nest):
        return tiled_code(nest, out)
    if not nest.reductions:
        return elementwise_code(nest, out)
    inside = lies_inside(nest) or nest.rows.numel == 1
    form = plan.choices.get("row", "")
    frame = (Clustered if form == "cluster" else Frame)(nest, index_kind(nest), inside, width(nest))
    return split_code(frame, out) if form == "split" else _rows(frame, out, form in HELD)


def _rows(frame: Frame, out: Functions, held: bool) -> KernelCode:
    """One kernel for all rows, and one for totals if there are any."""
    nest, found = frame.nest, Passes(frame, held)
    if held:
        found.body.append(f"// pass: {frame.holding}")
    for level in nest.levels:
        for group in found.groups(level):
            found.reduce(group)
            found.finish(group)
    found.body += frame.known
    found.write_elements()
    found.write_rows()
    found.body += frame.end
    found.contributions()
    parts = {f"sum{t}": Simple(nest.graph[t], nest.graph[t].dtype).fields[0] for t in nest.totals}
    scratch = {name: f"{f.kind}*" for name, f in parts.items()}
    writes, blocks = [o for o in nest.outputs if o not in nest.final], frame.blocks(out.value)
    out.add("rows", found.body, sorted(found.emitter.reads), writes, scratch, f"({blocks},)")
    if nest.totals:
        out.add("totals", *_totals(nest), scratch=scratch)
    return out.code(nest.outputs, [allocation(name, f, blocks) for name, f in parts.items()])


def _totals(nest: Nest) -> tuple[list[str], list[int], list[int]]:
    """Body, reads and writes of the one block that joins the parts of totals in a fixed order."""
    rows = nest.rows.numel
    body = [f"constexpr int BLOCKS = ({rows} + THREADS / LANES - 1) / (THREADS / LANES);"]
    for t in nest.totals:
        node = nest.graph[t]
        each = Simple(node, node.dtype, f"f{t}")
        (f,) = each.fields
        take = each.update(f"sum{t}[i]", "")
        body += [f"// pass: total {each.op}", f"{f.kind} {f.name} = {f.start};"]
        body += block("for (int i = threadIdx.x; i < BLOCKS; i += THREADS)", [take])
        body += by_shuffles([f], [each.merge("o_{}".format)], "THREADS")
    scope = Scope(frozenset())
    emitter = Emitter(nest.graph, nest.nodes, bound_final(nest, "v{}".format), scopes=[scope])
    stores = [emitter.store(o, final_place(nest, o))[1] for o in nest.final_outputs]
    body += block("if (threadIdx.x == 0)", [*scope.lines, *stores]) if stores else []
    return body, sorted(emitter.reads), nest.final_outputs
