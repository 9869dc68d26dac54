"""Layout for rows that are contiguous inside: the lanes lie along the innermost variable of the row."""

from __future__ import annotations

from operators.authors.expert.cpp.expr import Emitter, Scope
from operators.authors.expert.cpp.nest.keep import Kept
from operators.authors.expert.cpp.nest.layout import RUN, Layout
from operators.authors.expert.cpp.nest.text import loop
from operators.authors.expert.kernels.nest.domain import Space

# Elements of a row that are streamed past the caches at a time.
CHUNK = 2048


class Inside(Layout):
    """One row at a time; scalars `v<id>` hold a row's results."""

    def name(self, reduction: int) -> str:
        return f"v{reduction}"

    def slot(self, kept: Kept) -> str:
        return f"k{kept.node}[{self.nest.spaces[kept.space].position.text}]"

    def row(self) -> list[str]:
        """The body of the loop over rows."""
        lines = [*self.keep_marker(), *self.buffers()]
        for level in self.nest.levels:
            for group in self.groups(level):
                lines += [self.marker(group), *self._reduction(group)]
        return lines + self._row_outputs() + self._element_outputs()

    def _scopes(self, space: Space) -> list[Scope]:
        known = frozenset(self.nest.rows.names)
        return [Scope(known | frozenset(space.names[:i])) for i in range(len(space.names))]

    def _reduction(self, group: list[int]) -> list[str]:
        space = self.nest.space(group[0])
        scopes = self._scopes(space)
        emitter, updates = self.emitter(scopes), []
        for r in group:
            value = emitter.value(self.nest.graph[r].inputs[0], self.nest.source_place(r)[0])
            updates.append(self.state(r).update("l", value, space.position.text))
        updates += self.keeping(emitter)
        body = [*emitter.take_lines(), *updates]
        run = self._lanes_run(space, body, group)
        start = "from" if self.parts and self._split_at(space) == len(space.sizes) - 1 else "0"
        stop = "to" if start == "from" else str(space.sizes[-1])
        run = run(start, stop)
        inner = self._loops(space, scopes, run)
        summed = self._summed(group, space)
        work = self.with_totals(summed, inner)
        if self.parts:
            lines = self.split(group, work, space.sizes[self._split_at(space)])
        else:
            lines = [*self.declared(group), *work]
        return self._scoped(group, [*self.shifts(group), *lines])

    def lanes_of(self, body: list[str], pragma: str = "omp simd") -> list[str]:
        return loop("l", "LANES", body, pragma=pragma)

    def _scoped(self, group: list[int], lines: list[str]) -> list[str]:
        """Folds the lanes into the scalars of the row, outside the block of the pass."""
        fold = " ".join(self.state(r).merge("{0}[l]", "{0}[l + w]") for r in group)
        found = {r: result for each in group for r, result in self.state(each).results("{0}[0]").items()}
        declared = [f"{kind} v{r};" for r, (kind, _) in found.items()]
        results = [f"v{r} = {text};" for r, (_, text) in found.items()]
        folding = [f"for (long w = LANES / 2; w > 0; w /= 2) for (long l = 0; l < w; ++l) {{ {fold} }}"]
        return [*declared, "{", *lines, *folding, *results, "}"]

    def _summed(self, group: list[int], space: Space) -> list[int]:
        return [r for r in group if self.state(r).summed] if space.numel > RUN * self.lanes else []

    def _lanes_run(self, space: Space, body: list[str], group: list[int]):
        """Text of the innermost loop from `start` to `stop`, flushing sums every RUN steps."""
        name = space.names[-1]
        summed = self._summed(group, space)
        flush = self.flushed(summed) if summed and space.sizes[-1] >= 2 * self.lanes else []
        simd = [f"const long {name} = b + l;", *body]

        def text(start: str, stop: str) -> list[str]:
            if flush and space.sizes[-1] > RUN * self.lanes:
                end = f"const long end = run + {RUN} * LANES < {stop} ? run + {RUN} * LANES : {stop};"
                return loop("run", stop, [end, *self._lanes(simd, "run", "end"), *flush], start, f"{RUN} * LANES")
            return [*self._lanes(simd, start, stop), *flush]

        return text

    def _lanes(self, simd: list[str], start: str, stop: str) -> list[str]:
        whole = loop("l", "LANES", simd, pragma="omp simd")
        rest = loop("l", f"{stop} - b", simd, pragma="omp simd")
        return ["{", f"long b = {start};", f"for (; b + LANES <= {stop}; b += LANES) {{", *whole, "}", *rest, "}"]

    def _split_at(self, space: Space) -> int:
        """The variable that parts divide: the outermost one of some length."""
        long = [i for i, size in enumerate(space.sizes) if size >= 32]
        return long[0] if long else max(range(len(space.sizes)), key=space.sizes.__getitem__)

    def _loops(self, space: Space, scopes: list[Scope], innermost: list[str]) -> list[str]:
        """The loops around the innermost one; the part's range in place of the variable that parts divide."""
        names, sizes = space.names[:-1], list(space.sizes[:-1])
        bodies = [s.lines for s in scopes]
        lines = [*bodies[-1], *innermost]
        for i in reversed(range(len(names))):
            ranged = bool(self.parts) and i == self._split_at(space)
            lines = loop(names[i], "to" if ranged else sizes[i], lines, "from" if ranged else "0")
            lines = [*bodies[i], *lines]
        return lines

    def _row_outputs(self) -> list[str]:
        emitter = self.emitter([])
        stores = [emitter.store(o, self.nest.output_place(o)) for o in self.nest.row_outputs]
        stores += self.contributions(emitter)
        return ["// pass: write rows", "{", *emitter.take_lines(), *stores, "}"] if stores else []

    def _element_outputs(self) -> list[str]:
        lines: list[str] = []
        for number, space in enumerate(self.nest.spaces):
            outputs = [o for o in self.nest.outputs if self.nest.written_over[o] == number]
            if outputs:
                lines += ["// pass: write", "{", *self._write(space, outputs), "}"]
        return lines

    def _stored(self, space: Space, outputs: list[int], emitter: Emitter, start: str, stop: str) -> list[str]:
        """The innermost loop that writes elements of a row; in chunks if the macro says that they are streamed."""
        name = space.names[-1]
        if not self.stream:
            stores = [emitter.store(o, self.nest.output_place(o)) for o in outputs]
            return loop(name, stop, [*emitter.take_lines(), *stores], start, pragma="omp simd")
        size = space.sizes[-1]
        before, stores, after = self.streaming(emitter, outputs, name, size, "chunk", str(CHUNK))
        lanes = [f"const long {name} = chunk + l;", *emitter.take_lines(), *stores]
        width = f"const long width = {stop} - chunk < {CHUNK} ? {stop} - chunk : {CHUNK};"
        body = [width, *before, *loop("l", "width", lanes, pragma="omp simd"), *after]
        return loop("chunk", stop, body, start, str(CHUNK))

    def _write(self, space: Space, outputs: list[int]) -> list[str]:
        scopes = self._scopes(space)
        split = self._split_at(space) if self.parts else -1
        last = len(space.sizes) - 1
        start, stop = ("from", "to") if split == last else ("0", str(space.sizes[-1]))
        inner = self._loops(space, scopes, self._stored(space, outputs, self.emitter(scopes), start, stop))
        if not self.parts:
            return inner
        size = space.sizes[split]
        return [
            "#pragma omp parallel for schedule(static)",
            f"for (long part = 0; part < {self.parts}; ++part) {{",
            f"const long from = {size} * part / {self.parts}, to = {size} * (part + 1) / {self.parts};",
            *inner,
            "}",
        ]
