"""The attention kind: supports, schedule, facts and code."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.cpp.attention.template import TEXT
from operators.authors.expert.cpp.expr import Emitter, Place, Unsupported, parameters
from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.kernels.attention.causal import causal_mask
from operators.authors.expert.kernels.attention.pattern import Attention, batch_index, find_attention
from operators.authors.expert.kernels.index import Index, aligned, linear, variable
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan

_PRELUDES = ("types.h", "math.h", "gemm.h", "attention.h")
_SMALL = 1 << 16  # multiply-adds below which starting threads costs more than it saves


class AttentionGenerator:
    kind = "attention"

    def matches(self, graph: Graph) -> list[tuple[int, ...]]:
        """Every attention in the graph: growing kernels pairwise never reaches one."""
        found = (_found(graph, node) for node in graph.nodes)
        return [tuple(sorted(each.inner)) for each in found if each]

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        if len(outputs) != 1:
            return False
        found = _found(graph, graph[outputs[0]])
        if found is None or not found.inner <= set(nodes):
            return False
        try:
            _Writer(graph, found, nodes)
        except Unsupported:
            return False
        return True

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        return [{"softmax": "online"}]

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        vec = hardware.vector_bytes // 4
        sizes = find_attention(graph, graph[kernel.outputs[0]]).sizes(graph)
        wide = min(4, max(1, sizes["d"] // vec))
        rows = {1: 12, 2: 8, 4: 6}[wide if wide in (1, 2) else 4] if hardware.vector_bytes >= 64 else 4
        wide = wide if hardware.vector_bytes >= 64 else min(wide, 2)
        decisions = [
            Decision("grid", Lever.MAPPING, "static", ("static", "dynamic")),
            Decision("order", Lever.MAPPING, "forward", ("forward", "backward")),
            Decision("block_q", Lever.TILING, 48, (12, 24, 48, 96, 192)),
            Decision("block_kv", Lever.TILING, 256, (64, 128, 256, 512, 1024)),
            Decision("mr", Lever.TILING, rows, (4, 6, 8, 12)),
            Decision("nr", Lever.TILING, wide, tuple(n for n in (1, 2, 4) if n * vec <= max(vec, sizes["d"]))),
            Decision("vec", Lever.TILING, vec),
            Decision("prefetch", Lever.STAGING, 0, (0, 2, 4, 8)),
        ]
        return {d.name: d for d in decisions}

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        found = find_attention(graph, graph[kernel.outputs[0]])
        sizes, batch = found.sizes(graph), prod(found.batch)
        flops = 2 * batch * sizes["q"] * sizes["kv"] * (sizes["depth"] + sizes["d"])
        moved = 4 * batch * (sizes["q"] + sizes["kv"]) * (sizes["depth"] + sizes["d"])
        causal = causal_mask(graph, found) is not None
        return {"kind": self.kind, **sizes, "batch": batch, "causal": causal, "flops": flops, "bytes": moved}

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        found = find_attention(graph, graph[kernel.outputs[0]])
        writer = _Writer(graph, found, kernel.nodes)
        schedule = dict(kernel.schedule)
        prefix = name.upper()
        macros = {k: d for k, d in schedule.items() if not isinstance(d.value, str)}
        knobs = tuple(knob for d in macros.values() if (knob := d.knob(prefix)))
        tuned = {knob.name for knob in knobs}
        fixed = [f"#define {prefix}_{k.upper()} {d.value}" for k, d in macros.items()]
        defines = "\n".join(line for line in fixed if line.split()[1] not in tuned)
        text = TEXT.format(
            name=name,
            prefix=prefix,
            parameters=parameters(graph, writer.reads, (found.out.id,)),
            batch=prod(found.batch),
            schedule="dynamic, 1" if schedule["grid"].value == "dynamic" else "static",
            block="(task % BLOCKS)" if schedule["order"].value == "forward" else "(BLOCKS - 1 - task % BLOCKS)",
            serial=" if(false)" if self.facts(graph, kernel, None)["flops"] < _SMALL else "",
            scale="total[i] == 0 ? 0.0f : 1.0f / total[i]" if found.zeros else "1.0f / total[i]",
            **found.sizes(graph),
            **writer.parts,
        )
        return KernelCode(name, f"{defines}\n{text}", tuple(writer.reads), (found.out.id,), knobs, _PRELUDES)


def _found(graph: Graph, out: Node) -> Attention | None:
    """The attention of float32 whose last product is `out`."""
    found = find_attention(graph, out)
    single = found is not None and found.out.dtype is found.logits.dtype is DType.F32
    return found if single else None


class _Writer:
    """The scalar expressions of the template. Raises Unsupported where one cannot be written."""

    def __init__(self, graph: Graph, found: Attention, nodes: tuple[int, ...]) -> None:
        self.graph, self.found = graph, found
        self.inside = frozenset(nodes)
        self.reads: dict[int, None] = {}
        self.parts: dict[str, str] = {}
        score, place = self._score()
        sizes, batch = found.sizes(graph), place[:-2]
        q, k = (graph[i] for i in found.logits.inputs)
        e, j = variable("e", sizes["depth"]), variable("j", sizes["kv"])
        own_q, x = variable("q", sizes["q"]), variable("x", sizes["d"])
        v = graph[found.out.inputs[1]]
        value_place = (*aligned(batch_index(found.batch), v.shape[:-2]), j, x)
        self.parts = {
            "score": score,
            "query": self._load(q.id, (*aligned(batch, q.shape[:-2]), own_q, e), "query[i * DEPTH + e]"),
            "key": self._load(k.id, (*aligned(batch, k.shape[:-2]), e, j), "to[e * BK]"),
            "value": self._load(v.id, value_place, "values[j * DP + x]"),
            "store": self._store(own_q, x),
            "batch_variables": self._batch_variables(),
            "end": self._end(),
        }

    def _emitter(self, bound=None) -> Emitter:
        return Emitter(self.graph, self.inside, bound or {}, reads=self.reads)

    def _score(self) -> tuple[str, Place]:
        """The statements that finish a score, and the index of the product that they read."""
        places: list[Place] = []

        def product(place: Place) -> str:
            places.append(place)
            return "row[jj]"

        emitter = self._emitter({self.found.logits.id: product})
        text = emitter.value(self.found.scores.id, self.found.place)
        sizes = self.found.sizes(self.graph)
        straight = (variable("q", sizes["q"]), variable("j", sizes["kv"]))
        if not places or any(place[-2:] != straight or place != places[0] for place in places):
            raise Unsupported("scores read their product out of order")
        return " ".join([*emitter.lines, f"row[jj] = {text};"]), places[0]

    def _load(self, node_id: int, place: Place, target: str) -> str:
        emitter = self._emitter()
        text = emitter.value(node_id, place)
        return " ".join([*emitter.lines, f"{target} = {text};"])

    def _store(self, q: Index, x: Index) -> str:
        out = self.found.out
        position = linear((*batch_index(out.shape[:-2]), q, x), out.shape)
        return f"out{out.id}[{position.text}] = sum[i * DP + x] * scale;"

    def _batch_variables(self) -> str:
        lines, step = [], 1
        for i, size in reversed(list(enumerate(self.found.batch))):
            if size > 1:
                lines.append(f"      const i64 b{i} = entry / {step} % {size};")
            step *= size
        return "\n".join(reversed(lines))

    def _end(self) -> str:
        causal = causal_mask(self.graph, self.found)
        return "KV" if causal is None else f"std::max<i64>(0, std::min<i64>(KV, q0 + rows + {causal.offset}))"
