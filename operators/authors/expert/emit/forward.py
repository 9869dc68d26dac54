"""The body of `ModelNew.forward`: allocate outputs, launch kernels, call torch where a node stays with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from operators.authors.expert.emit.dialect import EmitDialect
from operators.authors.expert.emit.model_new import state_text
from operators.authors.expert.ir.graph import Graph, place
from operators.authors.expert.ir.ops import LIBRARY, VIEWS
from operators.authors.expert.ir.torch_call import argument
from operators.authors.expert.library.text import library_lines
from operators.authors.expert.plan import KernelCode, KernelPlan
from operators.authors.expert.structures.partition import LIBRARY_KIND


def forward_lines(
    graph: Graph,
    kernels: Sequence[tuple[str, KernelPlan]],
    codes: Mapping[str, KernelCode],
    dialect: EmitDialect,
    captured: bool = False,
) -> list[str]:
    """Statements over `args` and `self`. Values are named `t<node id>`. `captured`: input nodes are parameters that
    have these names, dense, and a tuple of all outputs is returned."""
    names: dict[int, str] = {}
    lines: list[str] = []
    places, outdated = {}, _outdated(graph)
    for node in graph.nodes:
        if node.op in ("input", "state"):
            names[node.id] = f"t{node.id}"
            source = argument("args", node) if node.op == "input" else state_text(node.attrs["name"])
            places[place(node)] = source
            if captured and node.op == "input":
                continue
            lines.append(f"t{node.id} = _egg_dense({source}){'.clone()' if node.id in outdated else ''}")
    last = _last_uses(graph, kernels)
    strided: set[int] = set()  # made by torch, so perhaps not dense
    for name, kernel in kernels:
        if kernel.kind == LIBRARY_KIND:
            lines += library_lines(graph, name, kernel, names, _elsewhere(dialect))
            strided |= set(kernel.outputs)
        else:
            lines += _launch(graph, codes[name], dialect, names, strided)
        # Memory goes back at once, so that the next kernel writes where the cache is warm.
        if dead := [names[i] for i in last.get(name, ()) if i in names]:
            lines.append(f"del {', '.join(dead)}")
    for where, node_id in graph.mutations.items():
        lines.append(f"{places.get(where) or state_text(where)}.copy_({names[node_id]})")
    results = [names[o] for o in graph.outputs]
    lines.append(f"return ({', '.join(results)},)" if captured else f"return {graph.form.format(*results)}")
    return lines


def _outdated(graph: Graph) -> set[int]:
    """Arguments and state that get a new value, while a result may be a view of the old one."""
    shown: dict[int, set[int]] = {}
    for node in graph.nodes:
        if node.op in ("input", "state"):
            shown[node.id] = {node.id} if place(node) in graph.mutations else set()
        elif node.op in VIEWS | LIBRARY:
            shown[node.id] = set().union(*(shown.get(i, ()) for i in node.inputs))
    return {old for result in graph.results for old in shown.get(result, ())}


def _launch(
    graph: Graph, code: KernelCode, dialect: EmitDialect, names: dict[int, str], strided: set[int]
) -> list[str]:
    lines = []
    for node_id in code.reads:
        if node_id in strided:
            lines.append(f"{names[node_id]} = _egg_dense({names[node_id]})")
            strided.discard(node_id)
    for node_id in code.writes:
        node = graph[node_id]
        names[node_id] = f"t{node_id}"
        device = f", device={_elsewhere(dialect)}" if _elsewhere(dialect) else ""
        lines.append(f"t{node_id} = torch.empty({node.shape}, dtype=torch.{node.dtype}{device})")
    kept = _kept(code, names, lines)
    lines.append(dialect.call(code, [*(names[i] for i in (*code.reads, *code.writes)), *kept]))
    return lines


def _elsewhere(dialect: EmitDialect) -> str:
    """Where tensors are made, if not where torch makes them by itself."""
    return dialect.device if dialect.device != repr("cpu") else ""


def _kept(code: KernelCode, names: dict[int, str], lines: list[str]) -> list[str]:
    """The names of what the kernel keeps from call to call, made where it is missing or of other state."""
    if code.kept is None:
        return []
    holder, key = f"{code.name}_kept", repr(code.name)
    state = ", ".join(names[i] for i in code.kept.reads)
    lines += [
        f"{holder} = self._egg_kept({key}, {state})",
        f"if {holder} is None:",
        f"    {holder} = {code.kept.name}({state})",
        f"    self._egg_keep({key}, {holder}, {state})",
    ]
    found = [f"{code.name}_{tensor}" for tensor in code.kept.tensors]
    lines.append(f"({', '.join(found)},) = {holder}")
    return found


def _last_uses(graph: Graph, kernels: Sequence[tuple[str, KernelPlan]]) -> dict[str, list[int]]:
    """Kernel name to the intermediate values in memory that no later kernel or result needs."""
    last: dict[int, str] = {}
    made: set[int] = set()
    for name, kernel in kernels:
        made |= set(kernel.nodes if kernel.kind == LIBRARY_KIND else kernel.outputs)
        for node_id in kernel.nodes:
            last |= dict.fromkeys((i for i in (node_id, *graph[node_id].inputs) if i in made), name)
    ends: dict[str, list[int]] = {}
    for node_id, name in sorted(last.items()):
        if node_id not in graph.results:
            ends.setdefault(name, []).append(node_id)
    return ends
