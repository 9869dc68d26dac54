"""What both layouts of a nest share: values, accumulators and marker comments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from operators.authors.expert.cpp.dtypes import COMPUTE, STORAGE, converted, stored
from operators.authors.expert.cpp.expr import Emitter, Scope
from operators.authors.expert.cpp.nest.keep import Kept
from operators.authors.expert.cpp.nest.moments import Moments
from operators.authors.expert.cpp.nest.online import Online
from operators.authors.expert.cpp.nest.states import Arg, Simple, accumulator
from operators.authors.expert.kernels.index import linear, opaque, variable
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.domain import Place
from operators.authors.expert.kernels.nest.trace import bound_rows

# A lane adds at most this many numbers before they go to a total in double: equal numbers all round the same way.
RUN = 16

State = Simple | Arg | Online | Moments


@dataclass
class Layout:
    """Writes the passes of one nest. LANES is a macro of the kernel; `lanes` its default value.

    `parts` is the macro that says in how many parts threads split the inside of a row, `stream` the one that says
    whether results are written past the caches; empty when they do not.
    """

    nest: Nest
    lanes: int
    parts: str = ""
    kept: tuple[Kept, ...] = ()
    stream: str = ""
    reads: dict[int, None] = field(default_factory=dict)
    stored: set[int] = field(default_factory=set)  # kept nodes that an earlier pass has stored

    def name(self, reduction: int) -> str:
        raise NotImplementedError

    def emitter(self, scopes: list[Scope]) -> Emitter:
        bound = bound_rows(self.nest, self.name)
        bound.update({k.node: self._held(k) for k in self.kept if k.node in self.stored})
        return Emitter(self.nest.graph, self.nest.nodes, bound, scopes=scopes, reads=self.reads)

    def slot(self, kept: Kept) -> str:
        """The element of a row buffer that holds a kept value."""
        raise NotImplementedError

    def _held(self, kept: Kept) -> Callable[[Place], str | None]:
        return lambda index: self.slot(kept) if index == kept.place else None

    def keeping(self, emitter: Emitter) -> list[str]:
        """Statements that store what this pass computed and a later one needs."""
        new = [k for k in self.kept if k.node not in self.stored and (k.node, k.place) in emitter.computed]
        self.stored.update(k.node for k in new)
        return [f"{self.slot(k)} = {emitter.value(k.node, k.place)};" for k in new]

    def buffers(self, lanes: str = "1") -> list[str]:
        """Declarations of the row buffers."""
        sizes = [(k, self.nest.spaces[k.space].numel) for k in self.kept]
        return [f"alignas(64) {self._type(k)} k{k.node}[{numel} * {lanes}];" for k, numel in sizes]

    def _type(self, kept: Kept) -> str:
        return COMPUTE[self.nest.graph[kept.node].dtype]

    def state(self, reduction: int) -> State:
        return self.nest.joint.get(reduction) or accumulator(
            self.nest.graph, reduction, self.nest.space(reduction).numel
        )

    def marker(self, reductions: list[int]) -> str:
        """The comment that names a pass: part of the structure."""
        return "// pass: " + ", ".join(self.state(r).marker for r in reductions)

    def keep_marker(self) -> list[str]:
        return [f"// pass: keep {self.nest.graph[k.node].op}" for k in self.kept]

    def groups(self, level: list[int]) -> list[list[int]]:
        """Reductions of one level that share a loop: those over the same space; a window has its own."""
        keys = {r: (self.nest.space_of[r], self.nest.graph[r].op == "window" and r) for r in level}
        return [[r for r in level if keys[r] == key] for key in dict.fromkeys(keys.values())]

    def streaming(
        self, emitter: Emitter, outputs: list[int], variable_name: str, size: int, first: str, buffer: str
    ) -> tuple[list[str], list[str], list[str]]:
        """Statements before, in and after the loop over `l`, which is `variable_name` from `first` on: the results of
        `width` elements go to a buffer, if the macro says so, and from there past the caches."""
        before, stores, after = [], [], []
        for o in outputs:
            node, place = self.nest.graph[o], self.nest.output_place(o)
            start = linear(place, node.shape) - variable(variable_name, size) + opaque(first, 0, size - 1)
            kind = STORAGE[node.dtype]
            before.append(f"alignas(64) {kind} s{o}[{buffer}];")
            before.append(f"{kind}* const to{o} = {self.stream} ? s{o} : out{o} + {start.text};")
            stores.append(f"to{o}[l] = {stored(emitter.value(o, place), node.dtype, node.dtype)};")
            after.append(f"if ({self.stream}) k_stream(out{o} + {start.text}, s{o}, width);")
        return before, stores, after

    def contributions(self, emitter: Emitter) -> list[str]:
        """Statements that store each row's part of every total."""
        row, lines = self.nest.rows.position.text, []
        for t in self.nest.totals:
            inside = t in self.nest.space_of
            source = self.nest.graph[self.nest.graph[t].inputs[0]]
            value = self.name(t) if inside else emitter.value(source.id, self.nest.total_place(t))
            kind = source.dtype if not inside else self.nest.graph[t].dtype
            lines.append(f"w{t}[{row}] = {converted(value, kind, self.nest.graph[t].dtype)};")
        return lines

    def declared(self, reductions: list[int]) -> list[str]:
        """Accumulators at their initial values."""
        fields = [f for r in reductions for f in self.state(r).fields]
        lines = [f"alignas(64) {f.type} {f.name}[LANES];" for f in fields]
        sets = " ".join(f"{f.name}[l] = {f.start};" for f in fields)
        return [*lines, f"for (long l = 0; l < LANES; ++l) {{ {sets} }}"]

    def shifts(self, group: list[int]) -> list[str]:
        """Declares and sets the shifts of moments: the first element of the row, where it is finite."""
        result = []
        for r in group:
            shift, space = self.state(r).shift, self.nest.space(r)
            if shift:
                emitter = self.emitter([])
                value = emitter.value(self.nest.graph[r].inputs[0], self.nest.source_place(r)[0])
                lines = [*emitter.take_lines(), f"{shift}[l] = {value} - {value} == 0 ? {value} : 0;"]
                zeros = " ".join(f"const long {n} = 0;" for n in space.names)
                result += [f"alignas(64) double {shift}[LANES];", "{", zeros, *self.lanes_of(lines), "}"]
        return result

    def lanes_of(self, body: list[str], pragma: str = "omp simd") -> list[str]:
        """A loop over the lanes where no loop over elements is around."""
        raise NotImplementedError

    def with_totals(self, summed: list[int], work: list[str]) -> list[str]:
        """Work that flushes the accumulators of sums to totals, which add up in double."""
        states = [self.state(r) for r in summed]
        if not states:
            return work
        fields = [f for s in states for f in s.totals]
        lines = [f"alignas(64) {f.type} {f.name}[LANES];" for f in fields]
        start = " ".join(f"{f.name}[l] = {f.start};" for f in fields)
        end = " ".join(s.restore() for s in states)
        around = "for (long l = 0; l < LANES; ++l) {{ {} }}".format
        return [*lines, around(start), *work, around(end)]

    def flushed(self, summed: list[int]) -> list[str]:
        """Moves accumulators of sums to their totals."""
        body = " ".join(self.state(r).flush() for r in summed)
        return [f"for (long l = 0; l < LANES; ++l) {{ {body} }}"]

    def split(self, reductions: list[int], work: list[str], sizes: int) -> list[str]:
        """Reduces in parts, one thread a part, and merges the lanes of all parts in order."""
        fields = [f for r in reductions for f in self.state(r).fields]
        keep = [f"alignas(64) {f.type} p{f.name}[{self.parts}][LANES];" for f in fields]
        save = " ".join(f"p{f.name}[part][l] = {f.name}[l];" for f in fields)
        merge = " ".join(self.state(r).merge("{0}[l]", "p{0}[part][l]") for r in reductions)
        return [
            *keep,
            "#pragma omp parallel for schedule(static)",
            f"for (long part = 0; part < {self.parts}; ++part) {{",
            f"const long from = {sizes} * part / {self.parts}, to = {sizes} * (part + 1) / {self.parts};",
            *self.declared(reductions),
            *work,
            f"for (long l = 0; l < LANES; ++l) {{ {save} }}",
            "}",
            *self.declared(reductions),
            f"for (long part = 0; part < {self.parts}; ++part) {{",
            f"for (long l = 0; l < LANES; ++l) {{ {merge} }}",
            "}",
        ]
