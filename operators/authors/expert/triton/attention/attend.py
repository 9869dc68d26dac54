"""The function that walks over keys and values, with a softmax that is right for what it has seen so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from math import e as EULER
from math import log2

from operators.authors.expert.ir.graph import Node
from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import Index, aligned
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.attention.frame import batch_lines, blocks, finish, outer, parts
from operators.authors.expert.triton.attention.products import products
from operators.authors.expert.triton.attention.schedule import how, in_what, wide
from operators.authors.expert.triton.attention.task import Task, factors, plain
from operators.authors.expert.triton.dtypes import STORAGE
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.frame import Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.text import indented, loop

PASSES = {"together": "attend to blocks of keys", "split": "attend to a part of the keys"}
_KEYS = frozenset("jr")
_TILES = {
    "query": ("e", "[BLOCK_M, BLOCK_D]"),
    "key": ("f", "[BLOCK_D, BLOCK_N]"),
    "value": ("r", "[BLOCK_N, BLOCK_V]"),
}


def factor(task: Task) -> float:
    """What scores are multiplied by for powers of two."""
    return task.factor * log2(EULER)


@dataclass
class Attend:
    out: Functions
    task: Task
    plan: KernelPlan
    body: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        task, settings = self.task, self.out.settings
        found = blocks(task, settings, settings.divides("block_m", task.queries))
        self.edges = Frame(found, task.wide)
        self.inside = Frame({n: replace(b, whole=b.whole or n in _KEYS) for n, b in found.items()}, task.wide)
        self.frame = self.edges
        self.split = self.plan.choices["keys"] == "split"
        self.products = products(task, self._tile, how(self.plan.choices))
        self.ragged = not found["j"].whole
        self.emitter = Emitter(
            task.graph,
            task.nodes,
            {},
            masks=self.edges.masks(),
            scopes=[Scope(outer(task), self.body)],
            hint=self._filler,
        )

    def add(self) -> None:
        """The function, with what it needs to start."""
        task, settings = self.task, self.out.settings
        pointers = self.products.prepare(self.out)
        self._start()
        self._walk()
        if self.split:
            self._leave()
        else:
            self.emitter.bound = {task.found.out.id: lambda index: "sums"}
            self.body += finish(task, self.emitter, self.body)
        grid = f"{settings.text('parts')} * " if self.split else ""
        grid += f"{task.batch} * {self._values()['BLOCKS']}"
        writes = () if self.split else task.epilogue.outputs
        pointers |= {part.name: "float32" for part in parts(task, {}).values()} if self.split else {}
        reads, warps = sorted(self.emitter.reads), settings.text("num_warps")
        self.out.add("attend", self.body, self._values(), grid, warps, reads, writes, pointers)

    def _values(self) -> dict[str, str]:
        """Constants, with the text of their values."""
        task, text, decisions = self.task, self.out.settings.text, self.out.settings.decisions
        found = {"BLOCK_M": text("block_m"), "BLOCK_N": text("block_n"), "STAGES": text("num_stages")}
        found |= {"BLOCK_D": str(wide(task.depth)), "BLOCK_V": str(wide(task.width))}
        found |= {"BLOCKS": f"triton.cdiv({task.queries}, {text('block_m')})", "BATCH": str(task.batch)}
        found["FACTOR"] = repr(factor(task))
        if "order" in decisions:
            found["ORDER"] = text("order")
        if self.split:
            step = text("block_n")
            found["PIECE"] = f"triton.cdiv({task.keys}, {text('parts')} * {step}) * {step}"
        if "input_precision" in decisions:
            # Triton's interpreter multiplies in float32, whatever it is told, and does not know every word.
            found["PRECISION"] = f'{text("input_precision")} if _EGG_DEVICE == "cuda" else "ieee"'
        return found

    def _start(self) -> None:
        """Which queries of which batch entry this is, and where its keys end."""
        lines = [
            f"# pass: {PASSES[str(self.plan.choices['keys'])]}{in_what(self.plan.choices)}",
            f"program = {self.edges.program()}",
        ]
        if self.split:
            lines += ["piece = program // (BATCH * BLOCKS)", "program = program % (BATCH * BLOCKS)"]
        lines += ["entry = program // BLOCKS", "block = program % BLOCKS"]
        if "order" in self.out.settings.decisions:
            # Later queries see more keys. What takes longest starts first.
            lines += ['if ORDER == "longest":', *indented(["entry = program % BATCH", "block = program // BATCH"])]
            lines += ['if ORDER != "forward":', *indented(["block = BLOCKS - 1 - block"])]
        lines += batch_lines(self.task)
        for name, start in (("q", "block * BLOCK_M"), ("e", "0"), ("f", "0"), ("x", "0")):
            lines += self.edges.defined(name, start)
        self.body += lines

    def _walk(self) -> None:
        """`acc`, `total` and `top` over all keys: blocks without edges first."""
        low, full, high = self._ranges()
        self.body += self.products.query(self.edges)
        self.body += [
            'top = tl.full([BLOCK_M, 1], float("-inf"), tl.float32)',
            "total = tl.zeros([BLOCK_M, 1], tl.float32)",
            "acc = tl.zeros([BLOCK_M, BLOCK_V], tl.float32)",
        ]
        if full:
            self._keys(low, full, self.inside, "STAGES")
        if full != high:
            # A few blocks more: to pipeline them costs registers.
            self._keys(full or low, high, self.edges, "1" if full else "STAGES")
        self.body += self.products.finished(self.edges)

    def _ranges(self) -> tuple[str, str, str]:
        """Where keys start; where those end that all rows see and that fill their blocks ("" if nowhere); where those
        end that any row sees."""
        keys, causal = self.task.keys, self.task.causal
        low, high, full = "0", str(keys), ""
        if causal:
            end = f"tl.minimum((block + 1) * BLOCK_M + {causal.offset}, {keys})"
            self.body.append(f"high = {f'tl.maximum({end}, 0)' if causal.offset < 0 else end}")
            high = "high"
        if causal and causal.seen is not None:
            end = f"tl.minimum(block * BLOCK_M + {causal.offset + 1}, {keys})"
            end = f"tl.maximum({end}, 0)" if causal.offset < -1 else end
            full = f"{end} // BLOCK_N * BLOCK_N"
        elif self.ragged:
            full = f"{high} // BLOCK_N * BLOCK_N"
        if self.split:
            self.body += ["low = piece * PIECE", f"high = tl.minimum(low + PIECE, {high})"]
            low, high = "low", "high"
            full = full and f"tl.minimum(tl.maximum({full}, low), high)"
        if full:
            self.body.append(f"full = {full}")
            return low, "full", high
        return low, high, high

    def _keys(self, low: str, high: str, frame: Frame, stages: str) -> None:
        """The loop over blocks of some keys."""
        outside = self.emitter.scopes[0]
        scope = Scope(outside.variables | _KEYS)
        self.emitter.scopes, self.emitter.masks, self.frame = [outside, scope], frame.masks(), frame
        self.emitter.bound = self._bound(frame is self.inside)
        lines = scope.lines
        lines += [*frame.defined("j", "start"), *frame.defined("r", "start")]
        lines += self.products.scores(frame)
        # Not rounded to a half type: torch's own attention does not do it either.
        self.emitter.hold("product", frozenset("qj"))
        lines.append(f"scores = {self.emitter.value(self.task.found.scores.id, self.task.found.place)}")
        if not frame.blocks["j"].whole:
            lines.append('scores = tl.where(in_j, scores, float("-inf"))')
        lines += [
            "above = tl.maximum(top, tl.max(scores, 1, keep_dims=True))",
            'reached = tl.where(above == float("-inf"), 0.0, above)',
            # Of differences: the largest weight is 1 however large scores are, and `shrink` where nothing has changed.
            "weights = tl.exp2((scores - reached) * FACTOR)",
            "shrink = tl.exp2((top - reached) * FACTOR)",
            "total = tl.fma(total, shrink, tl.sum(weights, 1, keep_dims=True))",
            "top = above",
        ]
        lines += self.products.sums(frame)
        self.emitter.scopes, self.emitter.masks, self.frame = [outside], self.edges.masks(), self.edges
        self.emitter.forget(_KEYS)
        self.body += loop(f"start in tl.range({low}, {high}, BLOCK_N, num_stages={stages})", lines)

    def _bound(self, inside: bool) -> dict:
        """Nodes whose value is known otherwise: the product, and scores before the factor and without their mask."""
        task = self.task
        found = {task.found.logits.id: lambda index: "product"}
        if task.scaled:
            found[task.scaled[0]] = partial(self._same, task.scaled[1])
        if inside and task.causal and task.causal.seen is not None:
            found[task.causal.node] = partial(self._same, task.causal.seen)
        return found

    def _same(self, node_id: int, place: Place) -> str:
        return self.emitter.value(node_id, aligned(place, self.task.graph[node_id].shape))

    def _tile(self, name: str) -> str:
        """A block of a factor, zero where there is no depth any more."""
        task, emitter = self.task, self.emitter
        deep, shape = _TILES[name]
        node_id, place = factors(task)[name]
        value = emitter.value(node_id, place)
        uses = emitter.uses(value)
        if not (plain(task, task.graph[node_id]) and deep in uses) and not self.frame.blocks[deep].whole:
            value = emitter.named("tile", f"tl.where(in_{deep}, {value}, 0.0)", uses | {deep})
            uses |= {deep}
        if not value.isidentifier():
            value = emitter.named("tile", f"tl.full((), {value}, tl.float32)", uses)
        if not task.single:
            value = emitter.named("tile", f"{value}.to({STORAGE[task.value.dtype]})", uses)
        every = {"query": {"q", "e"}, "key": {"f", "j"}, "value": {"r", "x"}}[name]
        if not uses >= every:
            value = emitter.named("tile", f"tl.broadcast_to({value}, {shape})", uses | every)
        return value

    def _filler(self, node: Node, position: Index) -> str:
        """What a load gives where there is no depth any more."""
        masked = any(v in position.uses and not self.frame.blocks[v].whole for v in ("e", "f", "r"))
        return ", other=0" if masked else ""

    def _leave(self) -> None:
        """Stores what this part of the keys comes to."""
        for value, part in parts(self.task, self.edges.masks()).items():
            self.body.append(f"tl.store({part.access}, {value}{part.mask})")
