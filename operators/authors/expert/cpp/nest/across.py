"""Layout for rows that lie side by side: the lanes lie along the innermost variable of the rows.

Also that of nests without reductions, where every element is a row, and of windows.
"""

from __future__ import annotations

from operators.authors.expert.cpp.dtypes import COMPUTE
from operators.authors.expert.cpp.expr import Emitter, Scope
from operators.authors.expert.cpp.nest.keep import Kept
from operators.authors.expert.cpp.nest.layout import RUN, Layout
from operators.authors.expert.cpp.nest.states import identity
from operators.authors.expert.cpp.nest.text import loop
from operators.authors.expert.kernels.nest.domain import Space


class Across(Layout):
    """A block of LANES rows at a time, from `c` on; arrays over lanes hold the rows' results."""

    def name(self, reduction: int) -> str:
        if reduction in self.nest.joint:
            return f"v{reduction}[l]"
        return self.state(reduction).results("{0}[l]")[reduction][1]

    @property
    def lane(self) -> str:
        return self.nest.rows.names[-1]

    def slot(self, kept: Kept) -> str:
        return f"k{kept.node}[{self.nest.spaces[kept.space].position.text} * LANES + l]"

    def row(self) -> list[str]:
        """The body of the function over a block of rows; `width` lanes of it exist."""
        lines = [*self.keep_marker(), *self.buffers("LANES")]
        for level in self.nest.levels:
            for group in self.groups(level):
                lines += [self.marker(group), *self._reduction(group)]
        return lines + self._row_outputs() + self._element_outputs()

    def _scopes(self, space: Space) -> list[Scope]:
        """Around the lanes: what no lane changes, before and in the loops over the space; what only lanes change."""
        outer = frozenset(self.nest.rows.names[:-1])
        loops = [Scope(outer | frozenset(space.names[:i])) for i in range(len(space.names) + 1)]
        return [loops[0], Scope(outer | {self.lane}, lane="l"), *loops[1:]]

    def _loops(self, space: Space, scopes: list[Scope], lanes: list[str], flush: list[str]) -> list[str]:
        """All loops of a space around the loop over lanes."""
        before, columns, *bodies = scopes
        lines = [*bodies[-1].lines, *lanes] if bodies else lanes
        for i in reversed(range(len(space.names))):
            ranged = bool(self.parts) and i == self._split_at(space)
            start, stop = ("from", "to") if ranged else ("0", str(space.sizes[i]))
            if flush and i == len(space.names) - 1:
                end = f"const long end = run + {RUN} < {stop} ? run + {RUN} : {stop};"
                lines = loop("run", stop, [end, *loop(space.names[i], "end", lines, "run"), *flush], start, str(RUN))
            else:
                lines = loop(space.names[i], stop, lines, start)
            lines = [*(bodies[i - 1].lines if i else []), *lines]
        return [*before.lines, *self._lane_loop(columns), *lines]

    def _lane_loop(self, columns: Scope) -> list[str]:
        if not columns.lines:
            return []
        return [*columns.arrays, *self.lanes_of(columns.lines)]

    def lanes_of(self, body: list[str], pragma: str = "omp simd") -> list[str]:
        return loop("l", "width", [f"const long {self.lane} = c + l;", *body], pragma=pragma)

    def _reduction(self, group: list[int]) -> list[str]:
        space = self.nest.space(group[0])
        if self.nest.source_place(group[0])[1]:
            work = self._bordered(group[0], space)
        else:
            scopes = self._scopes(space)
            emitter, updates = self.emitter(scopes), []
            for r in group:
                value = emitter.value(self.nest.graph[r].inputs[0], self.nest.source_place(r)[0])
                updates.append(self.state(r).update("l", value, space.position.text))
            updates += self.keeping(emitter)
            lanes = self.lanes_of([*emitter.take_lines(), *updates])
            summed = [r for r in group if self.state(r).summed] if space.numel > RUN else []
            inner = self._loops(space, scopes, lanes, self.flushed(summed) if summed else [])
            work = self.with_totals(summed, inner)
        if self.parts:
            lines = self.split(group, work, space.sizes[self._split_at(space)])
        else:
            lines = [*self.declared(group), "{", *work, "}"]
        return [*self.shifts(group), *lines, *self._finished(group)]

    def _finished(self, group: list[int]) -> list[str]:
        """The results of joint passes, which are more than their accumulators."""
        pairs = [self.state(r).results("{0}[l]") for r in group if r in self.nest.joint]
        found = {r: result for pair in pairs for r, result in pair.items()}
        declared = [f"alignas(64) {kind} v{r}[LANES];" for r, (kind, _) in found.items()]
        sets = [f"v{r}[l] = {text};" for r, (_, text) in found.items()]
        return [*declared, *self.lanes_of(sets)] if found else []

    def _bordered(self, window: int, space: Space) -> list[str]:
        """A window that reaches over the border. Where reading past a row's end stays inside the tensor, all lanes
        read and those outside the row take the identity: that vectorises, branches around loads do not."""
        node = self.nest.graph[window]
        source = self.nest.graph[node.inputs[0]]
        place, checks = self.nest.source_place(window)
        # What is read under conditions must not be read before them.
        emitter = self.emitter([])
        value = emitter.value(source.id, place)
        lines, state = emitter.take_lines(), self.state(window)
        skips = " && ".join(c.written("/") for c in checks if self.lane not in c.index.uses) or "true"
        inside = " && ".join(f"({c.written('/')})" for c in checks if self.lane in c.index.uses) or "true"
        update = state.update("l", value, space.position.text)
        careful = self.lanes_of([f"if ({inside}) {{", *lines, update, "}"], pragma="")
        identity_text = identity(node.attrs["op"], source.dtype)
        read = f"const {COMPUTE[source.dtype]} w = {inside.replace('&&', '&')} ? {value} : {identity_text};"
        free = self.lanes_of([*lines, read, state.update("l", "w", space.position.text)])
        steps = [p.coefficient(n) for _, p in emitter.loads for n in (*space.names, self.lane)]
        if any(step is None or step < 0 for step in steps):
            return self._taps(space, skips, careful)
        safe = [f"{pos.text} >= 0" for _, pos in emitter.loads], [f"{pos.text} < {n}" for n, pos in emitter.loads]
        zeros = [f"const long {n} = 0;" for n in space.names]
        ends = [f"const long {n} = {size - 1};" for n, size in zip(space.names, space.sizes, strict=True)]
        return [
            "bool safe = true;",
            f"{{ {' '.join(zeros)} const long {self.lane} = c; safe = safe && {' && '.join(safe[0])}; }}",
            f"{{ {' '.join(ends)} const long {self.lane} = c + width - 1; safe = safe && {' && '.join(safe[1])}; }}",
            "if (safe) {",
            *self._taps(space, skips, free),
            "} else {",
            *self._taps(space, skips, careful),
            "}",
        ]

    def _taps(self, space: Space, skips: str, lanes: list[str]) -> list[str]:
        lines = [f"if ({skips}) {{", *lanes, "}"] if skips != "true" else lanes
        for i in reversed(range(len(space.names))):
            ranged = bool(self.parts) and i == self._split_at(space)
            start, stop = ("from", "to") if ranged else ("0", str(space.sizes[i]))
            unroll = "GCC unroll 8" if i == len(space.names) - 1 and not ranged else ""
            lines = loop(space.names[i], stop, lines, start, pragma=unroll)
        return lines

    def _split_at(self, space: Space) -> int:
        long = [i for i, size in enumerate(space.sizes) if size >= 32]
        return long[0] if long else max(range(len(space.sizes)), key=space.sizes.__getitem__)

    def _row_outputs(self) -> list[str]:
        outer = Scope(frozenset(self.nest.rows.names[:-1]))
        emitter = self.emitter([outer])
        if self.stream:
            return self._streamed(emitter, outer)
        stores = [emitter.store(o, self.nest.output_place(o)) for o in self.nest.row_outputs]
        stores += self.contributions(emitter)
        if not stores:
            return []
        lanes = self.lanes_of([*emitter.take_lines(), *stores])
        return ["// pass: write rows", "{", *outer.lines, *lanes, "}"]

    def _streamed(self, emitter: Emitter, outer: Scope) -> list[str]:
        outputs, size = self.nest.row_outputs, self.nest.rows.sizes[-1]
        before, stores, after = self.streaming(emitter, outputs, self.lane, size, "c", "LANES")
        lanes = self.lanes_of([*emitter.take_lines(), *stores])
        return ["// pass: write rows", "{", *outer.lines, *before, *lanes, *after, "}"]

    def _element_outputs(self) -> list[str]:
        lines: list[str] = []
        for number, space in enumerate(self.nest.spaces):
            outputs = [o for o in self.nest.outputs if self.nest.written_over[o] == number]
            if outputs:
                lines += ["// pass: write", "{", *self._write(space, outputs), "}"]
        return lines

    def _write(self, space: Space, outputs: list[int]) -> list[str]:
        scopes = self._scopes(space)
        emitter = self.emitter(scopes)
        stores = [emitter.store(o, self.nest.output_place(o)) for o in outputs]
        inner = self._loops(space, scopes, self.lanes_of([*emitter.take_lines(), *stores]), [])
        if not self.parts:
            return inner
        size = space.sizes[self._split_at(space)]
        return [
            "#pragma omp parallel for schedule(static)",
            f"for (long part = 0; part < {self.parts}; ++part) {{",
            f"const long from = {size} * part / {self.parts}, to = {size} * (part + 1) / {self.parts};",
            *inner,
            "}",
        ]
