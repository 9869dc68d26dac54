"""The passes of a row kernel: rows held in registers, read once, or streamed in blocks of columns, pass by pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from operators.authors.expert.ir.graph import Node
from operators.authors.expert.kernels.index import Index
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.arithmetic import quick_nodes
from operators.authors.expert.kernels.nest.trace import bound_rows
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.nest.frame import Frame, cols
from operators.authors.expert.triton.nest.settings import Settings
from operators.authors.expert.triton.nest.states import Arg, Fold, Simple, State, kind, masked, state
from operators.authors.expert.triton.text import loop

_TAPS = 64  # loops over windows of no more are unrolled: all their loads are under way at once
Bounds = Callable[[int], tuple[str, str]]  # number of a space to where its elements start and stop


@dataclass
class Passes:
    """Writes the body of a program that has its row variables; `body` grows pass by pass.

    `policies` are arguments of loads: of what is read once or for the last time, and of what a later pass reads again;
    `last` says which pass reads a node last (from an earlier run over the same passes). `stages` goes to loops.
    """

    frame: Frame
    held: bool
    policies: tuple[str, str] = ("", "")
    last: dict[int, int] = field(default_factory=dict)
    stages: str = ""
    store_hint: str = ""
    body: list[str] = field(default_factory=list)
    read_in: dict[int, int] = field(default_factory=dict)  # node to the last pass that reads it
    _pass: int = 0
    _defined: set[int] = field(default_factory=set)  # spaces whose variables are defined: rows are held

    def __post_init__(self) -> None:
        bound = bound_rows(self.nest, "v{}".format)
        rows = Scope(self.frame.row_names, self.body)
        self.emitter = Emitter(
            self.nest.graph,
            self.nest.nodes,
            bound,
            masks=self.frame.masks(),
            scopes=[rows],
            hint=self._hint,
            store_hint=self.store_hint,
            quick=quick_nodes(self.nest),
        )
        for r in self.nest.reductions:
            self.emitter.hold(f"v{r}", self.frame.row_names)

    @property
    def nest(self) -> Nest:
        return self.frame.nest

    def groups(self, level: list[int]) -> list[list[int]]:
        """Reductions of one level that share a pass: those over the same space; a window has its own."""
        keys = {r: (self.nest.space_of[r], self.nest.graph[r].op == "window" and r) for r in level}
        return [[r for r in level if keys[r] == key] for key in dict.fromkeys(keys.values())]

    def state(self, reduction: int) -> State:
        numel = self.nest.space(reduction).numel
        return state(self.nest.graph, self.nest.joint.get(reduction), reduction, numel)

    def reduce(self, group: list[int], bounds: Bounds | None = None) -> None:
        """One pass: afterwards the fields of the group's accumulators hold one number a row."""
        self._pass += 1
        states = [self.state(r) for r in group]
        self.body.append("# pass: " + ", ".join(s.marker for s in states))
        number = self.nest.space_of[group[0]]
        if self.held:
            self._define(number)
            for r, each in zip(group, states, strict=True):
                self.body += self._taken(number, each, *self._element(r, number))
        else:
            self._streamed(number, group, states, bounds)
        self.body += [line for s in states for line in s.fold(self.frame.fold)]

    def finish(self, group: list[int]) -> None:
        """The values of the group's reductions from their folded accumulators."""
        self.body += [line for r in group for line in self.state(r).finish()]

    def write_rows(self) -> list[str]:
        """Statements that write the results of one element a row, whose temporaries are in the body."""
        return [self.emitter.store(o, self.nest.output_place(o)) for o in self.nest.row_outputs]

    def write_elements(self, bounds: Bounds | None = None) -> None:
        """Writes the results of one element for each element of a row."""
        self._pass += 1
        for number in range(len(self.nest.spaces)):
            outputs = [o for o in self.nest.outputs if self.nest.written_over[o] == number]
            if not outputs:
                continue
            self.body.append("# pass: write")
            if self.held:
                self._define(number)
                self.body += self._stores(outputs)
            else:
                scope = self._inside(number)
                stores = self._stores(outputs)
                self._loop(number, [*scope.lines, *stores], bounds)

    def _stores(self, outputs: list[int]) -> list[str]:
        return [self.emitter.store(o, self.nest.output_place(o)) for o in outputs]

    def _define(self, number: int) -> None:
        """Takes all of the row at once."""
        if number not in self._defined:
            self._defined.add(number)
            self.body += self.frame.columns(number)
            rows = self.emitter.scopes[0]
            self.emitter.scopes = [Scope(rows.variables | set(self.nest.spaces[number].names), self.body)]

    def _element(self, reduction: int, number: int) -> tuple[str, str]:
        """The value that a reduction adds up, and the mask of what exists of it."""
        place, checks = self.nest.source_place(reduction)
        conditions = self.emitter.conditions(checks)
        value = self.emitter.guarded(conditions, self.nest.graph[reduction].inputs[0], place)
        mask = self.frame.masks().get(self.nest.spaces[number].names[0], "")
        return value, " & ".join([*([mask] if mask else []), *(name for name, _ in conditions)])

    def _taken(self, number: int, each: State, value: str, mask: str) -> list[str]:
        """The fields of an accumulator straight from a tile that has the whole row."""
        tile, spans = self.frame.tile(number), self.emitter.uses(value)
        first = each.fields[0]
        if isinstance(each, Simple):
            value = each.taken(value)
        text = masked(mask, value, first.start)
        if not (spans >= self.frame.row_names and spans & set(self.nest.spaces[number].names)):
            text = f"tl.broadcast_to({text}, {tile})"
        lines = [f"{first.name} = {text}"]
        if isinstance(each, Arg):
            lines.append(f"{each.fields[1].name} = tl.broadcast_to({self.frame.position(number)}, {tile})")
        return lines

    def _streamed(self, number: int, group: list[int], states: list[State], bounds: Bounds | None) -> None:
        scope, updates = self._inside(number), []
        for r, each in zip(group, states, strict=True):
            updates += each.update(*self._positioned(r, number))
        tile = self.frame.tile(number)
        self.body += [f"{f.name} = tl.full({tile}, {f.start}, {kind(f)})" for s in states for f in s.fields]
        taps = self.nest.graph[group[0]].op == "window" and self.nest.spaces[number].numel <= _TAPS
        self._loop(number, [*scope.lines, *updates], bounds, taps)

    def _positioned(self, reduction: int, number: int) -> tuple[str, str, str]:
        value, mask = self._element(reduction, number)
        return value, self.frame.position(number), mask

    def _inside(self, number: int) -> Scope:
        """A new scope for the loop over a space."""
        rows = self.emitter.scopes[0]
        scope = Scope(rows.variables | set(self.nest.spaces[number].names))
        self.emitter.scopes = [rows, scope]
        return scope

    def _loop(self, number: int, lines: list[str], bounds: Bounds | None, unrolled: bool = False) -> None:
        space, step = self.nest.spaces[number], cols(number)
        start, stop = bounds(number) if bounds else ("0", str(space.numel))
        stages = "" if unrolled else self.stages
        head = f"start in tl.{'static_' * unrolled}range({start}, {stop}, {step}{stages})"
        self.body += loop(head, [*self.frame.columns(number, "start"), *lines])
        self.emitter.scopes = self.emitter.scopes[:1]
        self.emitter.forget(frozenset(space.names))

    def contributions(self, block: str) -> list[str]:
        """Statements that store what the rows of this program add to every total."""
        lines = []
        for t in self.nest.totals:
            node = self.nest.graph[t]
            inside = t in self.nest.space_of
            source = node if inside else self.nest.graph[node.inputs[0]]
            value = f"v{t}" if inside else self.emitter.value(source.id, self.nest.total_place(t))
            lines += self._contribution(Simple(node, source.dtype, f"part{t}"), value, f"sum{t} + {block}")
        return lines

    def _contribution(self, each: Simple, value: str, place: str) -> list[str]:
        name, mask = each.name, self.frame.masks().get(self.nest.rows.names[0], "")
        text = masked(mask, each.taken(value), each.fields[0].start)
        if not mask and not self.emitter.uses(value) >= self.frame.row_names:
            text = f"tl.broadcast_to({text}, {self.frame.rows_tile})"
        if self.frame.rows_tile != "[ROWS]":
            text = f"tl.reshape({text}, [ROWS])"
        return [f"{name} = {text}", *each.fold(Fold("0")), f"tl.store({place}, {name})"]

    def _hint(self, node: Node, position: Index) -> str:
        whole = self.nest.rows.numel * max((s.numel for s in self.nest.spaces), default=1)
        if node.type.numel < whole:
            return ""  # read by other programs, too
        self.read_in[node.id] = self._pass
        return self.policies[self._pass < self.last.get(node.id, 0)]


def passes(settings: Settings, frame: Frame, held: bool, last: dict[int, int]) -> Passes:
    """Passes under a schedule."""
    constants = (("read_policy", "READS"), ("reread_policy", "REREADS"))
    once, again = (f", eviction_policy={c}" if settings.ever(role) else "" for role, c in constants)
    stages = ", num_stages=STAGES" if set(settings.every("num_stages")) - {1} else ""
    store = ", cache_modifier=STORES" if settings.ever("store_cache") else ""
    return Passes(frame, held, (once, again), last, stages, store)
