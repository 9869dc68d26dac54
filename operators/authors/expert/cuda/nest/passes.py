"""The passes of a row kernel: rows held in registers, read once, or read again from memory pass by pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from operators.authors.expert.cuda.dtypes import STORAGE
from operators.authors.expert.cuda.expr import Emitter, Held, Scope
from operators.authors.expert.cuda.nest.frame import Frame, by_shuffles
from operators.authors.expert.cuda.nest.states import Simple, State, state
from operators.authors.expert.cuda.text import UNROLL, block
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.arithmetic import quick_nodes
from operators.authors.expert.kernels.nest.trace import bound_rows

Bounds = Callable[[int], tuple[str, str]]  # number of a space to where its elements start and stop
_TAPS = 64  # loops over windows of no more are unrolled altogether


@dataclass
class Passes:
    """Writes the body of a kernel whose thread has its row's variables; `body` grows pass by pass."""

    frame: Frame
    held: bool = False
    bounds: Bounds | None = None
    body: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        bound, quick = bound_rows(self.nest, "v{}".format), quick_nodes(self.nest)
        self.emitter = Emitter(self.nest.graph, self.nest.nodes, bound, quick=quick)
        self.emitter.scopes = [self._rows]
        self.emitter.held = Held() if self.held else None
        self.body += self.frame.head()

    @property
    def nest(self) -> Nest:
        return self.frame.nest

    @property
    def _rows(self) -> Scope:
        return Scope(frozenset(self.nest.rows.names), self.body)

    def groups(self, level: list[int]) -> list[list[int]]:
        """Reductions of one level that share a pass: those over the same space; a window has its own."""
        keys = {r: (self.nest.space_of[r], self.nest.graph[r].op == "window" and r) for r in level}
        return [[r for r in level if keys[r] == key] for key in dict.fromkeys(keys.values())]

    def state(self, reduction: int) -> State:
        numel = self.nest.space(reduction).numel
        return state(self.nest.graph, self.nest.joint.get(reduction), reduction, numel)

    def declare(self, group: list[int]) -> None:
        """The group's accumulators, at their initial values."""
        self.body += [f"{f.kind} {f.name} = {f.start};" for r in group for f in self.state(r).fields]

    def reduce(self, group: list[int]) -> None:
        """One pass: afterwards every thread of a row has the row's accumulators."""
        states = [self.state(r) for r in group]
        self.body.append("// pass: " + ", ".join(s.marker for s in states))
        number, before = self.nest.space_of[group[0]], len(self.body)
        lines = self._over(number, lambda: ([], [line for r in group for line in self._update(r, number)], []))
        self.declare(group)
        if self.held and self.emitter.held.open:
            self.body[before:before] = self._hold(number)
        self.body += lines
        if self.nest.graph[group[0]].op != "window":
            self.body += self.frame.fold(states)

    def finish(self, group: list[int]) -> None:
        """The values of the group's reductions from their folded accumulators."""
        self.body += [line for r in group for line in self.state(r).finish()]

    def write_rows(self, where: str = "") -> None:
        """Writes the results of one element a row, under a further condition."""
        stores = [self.emitter.store(o, self.nest.output_place(o))[1] for o in self.nest.row_outputs]
        if stores:
            condition = " && ".join(c for c in (where, self.frame.first) if c)
            self.body += ["// pass: write rows", *block(f"if ({condition})", stores)]

    def write_elements(self) -> None:
        """Writes the results of one element for each element of a row."""
        for number in range(len(self.nest.spaces)):
            outputs = [o for o in self.nest.outputs if self.nest.written_over[o] == number]
            if outputs:
                lines = self._over(number, lambda outputs=outputs: self._stores(outputs))
                lines = block(f"if ({self.frame.alive})", lines) if self.frame.alive else lines
                self.body += ["// pass: write", *lines]

    def contributions(self) -> None:
        """Stores what the rows of this block add to every total, joined in a fixed order."""
        for t in self.nest.totals:
            node = self.nest.graph[t]
            inside = t in self.nest.space_of
            source = node if inside else self.nest.graph[node.inputs[0]]
            value = f"v{t}" if inside else self.emitter.value(source.id, self.nest.total_place(t))
            each = Simple(node, source.dtype, f"part{t}")
            (part,) = each.fields
            taken = each.update(value, "")
            self.body += [f"{part.kind} {part.name} = {part.start};", f"if ({self.frame.first}) {taken}"]
            self.body += by_shuffles([part], [each.merge("o_{}".format)], "THREADS")
            self.body.append(f"if (threadIdx.x == 0) sum{t}[blockIdx.x] = {part.name};")

    def _stores(self, outputs: list[int]) -> tuple[list[str], list[str], list[str]]:
        found = [self.emitter.store(o, self.nest.output_place(o)) for o in outputs]
        return [x for b, _, _ in found for x in b], [one for _, one, _ in found], [x for _, _, a in found for x in a]

    def _update(self, reduction: int, number: int) -> list[str]:
        """Statements that add the current element to the reduction's accumulator."""
        place, checks = self.nest.source_place(reduction)
        source, each = self.nest.graph[reduction].inputs[0], self.state(reduction)
        position = self.nest.spaces[number].position.text
        if not checks:
            return [each.update(self.emitter.value(source, place), position)]
        update = each.update("{}", position)
        return self.emitter.guarded([c.written("/") for c in checks], source, place, update, each.source)

    def _over(self, number: int, work: Callable[[], tuple[list[str], list[str], list[str]]]) -> list[str]:
        """The loop over a space: what `work` says comes before VEC elements, for each of them, and after them."""
        space, emitter = self.nest.spaces[number], self.emitter
        lanes = self.frame.lanes(number)
        fixed = space.names[:-1] if lanes.width > 1 else space.names
        vector = Scope(frozenset((*self.nest.rows.names, *fixed)))
        emitter.scopes, emitter.lanes = [self._rows, vector], lanes
        before, each, after = work()
        element = self.frame.neighbours(number, [*emitter.take_lines(), *each])
        emitter.scopes, emitter.lanes = [self._rows], None
        emitter.forget(frozenset(self.nest.rows.names))
        return self._loop(number, [*vector.lines, *before, *element, *after])

    def _loop(self, number: int, body: list[str]) -> list[str]:
        numel, kind, step, lane = self._numbers(number)
        body = [*self.frame.columns(number, "j"), *body]
        if self.held:
            return self._unrolled(number, body)
        start, stop = self.bounds(number) if self.bounds else ("", str(numel))
        start = f"{start} + {lane}" if start else lane
        taps = any(self.nest.graph[r].op == "window" for r in self.nest.reductions) and numel <= _TAPS
        unroll = UNROLL if taps else f"{UNROLL} UNROLL"
        return [unroll, *block(f"for ({kind} j = {start}; j < {stop}; j += {step})", body)]

    def _unrolled(self, number: int, body: list[str]) -> list[str]:
        """A loop over what a thread holds."""
        numel, kind, step, lane = self._numbers(number)
        guarded = block(f"if ({numel} % ({step}) == 0 || j < {numel})", body)
        head = f"for (int h = 0; h < {_held_size(numel, step)}; ++h)"
        return [UNROLL, *block(head, [f"const {kind} j = h * {step} + {lane};", *guarded])]

    def _hold(self, number: int) -> list[str]:
        """Loads what stays in registers."""
        held, emitter = self.emitter.held, self.emitter
        names = set(self.nest.spaces[number].names)
        new = [(key, name) for key, name in held.names.items() if key[1].uses & names]
        numel, _, step, _ = self._numbers(number)
        emitter.lanes, arrays, loads = self.frame.lanes(number), [], []
        for (node_id, position), name in new:
            kind = STORAGE[self.nest.graph[node_id].dtype]
            kind = f"k_vec<{kind}, VEC>" if emitter.lanes.width > 1 else kind
            arrays.append(f"{kind} {name}[{_held_size(numel, step)}];")
            loads.append(f"{name}[h] = {emitter.fetched(node_id, position)};")
        emitter.lanes = None
        held.open = False
        return [*arrays, *self._unrolled(number, [*self.frame.columns(number, "j"), *loads])]

    def _numbers(self, number: int) -> tuple[int, str, str, str]:
        """Elements of a row, type of positions, step of the row's threads, and where this thread starts."""
        return self.nest.spaces[number].numel, self.frame.kind, self.frame.step(), self.frame.scaled_lane()


def _held_size(numel: int, step: str) -> str:
    return f"({numel} + {step} - 1) / ({step})"
