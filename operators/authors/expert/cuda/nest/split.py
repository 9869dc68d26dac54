"""Rows that are split among blocks: each level of reductions leaves parts, which the next kernel joins in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operators.authors.expert.cuda.functions import Functions
from operators.authors.expert.cuda.nest.frame import Frame
from operators.authors.expert.cuda.nest.passes import Passes
from operators.authors.expert.cuda.nest.states import Field
from operators.authors.expert.cuda.text import block
from operators.authors.expert.plan import KernelCode


def split_code(frame: Frame, out: Functions) -> KernelCode:
    """A kernel for each level of reductions, whose blocks have one part of their rows each, and one that writes."""
    split = _Split(frame, out)
    fields: list[Field] = []
    for depth, level in enumerate(frame.nest.levels):
        fields += split.level(depth, level)
    split.write()
    size = f"{frame.nest.rows.numel} * {out.value('PARTS')}"
    return out.code(frame.nest.outputs, [allocation(_scratch(f), f, size) for f in fields])


def allocation(name: str, field: Field, size: str) -> str:
    return f'{name} = torch.empty({size}, dtype=torch.{field.storage}, device="cuda")'


@dataclass(frozen=True)
class _Split:
    frame: Frame
    out: Functions

    def level(self, depth: int, level: Sequence[int]) -> list[Field]:
        """The kernel that leaves the parts of one level's accumulators."""
        found = self._kernel(depth)
        for group in found.groups(list(level)):
            found.reduce(group)
        fields = self._fields(found, level)
        stores = [f"{_scratch(f)}[{self._place('blockIdx.y')}] = {f.name};" for f in fields]
        found.body += block(f"if ({self.frame.first})", stores)
        self._add(f"level{depth}", found, depth, fields, True)
        return fields

    def write(self) -> None:
        nest = self.frame.nest
        found = self._kernel(len(nest.levels))
        elements = any(nest.output_space(o) is not None for o in nest.outputs)
        found.write_elements()
        found.write_rows("blockIdx.y == 0" if elements else "")
        self._add("write", found, len(nest.levels), [], elements)

    def _kernel(self, depth: int) -> Passes:
        """A kernel that knows the reductions of levels before `depth` from the parts that others left."""
        found = Passes(self.frame, bounds=self._piece)
        for level in self.frame.nest.levels[:depth]:
            fields, states = self._fields(found, level), [found.state(r) for r in level]
            found.declare(level)
            loads = [f"const {f.kind} o_{f.name} = {_scratch(f)}[{self._place('part')}];" for f in fields]
            merges = [s.merge("o_{}".format) for s in states]
            found.body += block("for (int part = lane; part < PARTS; part += LANES)", [*loads, *merges])
            found.body += self.frame.fold(states)
            found.finish(level)
        for number, space in enumerate(self.frame.nest.spaces):
            step, kind = self.frame.step(), self.frame.kind
            piece = f"({space.numel} + PARTS * {step} - 1) / (PARTS * {step}) * {step}"
            start = f"from_{space.prefix}"
            found.body += [
                f"constexpr {kind} PIECE_{number} = {piece};",
                f"const {kind} {start} = PIECE_{number} * blockIdx.y;",
                f"const {kind} to_{space.prefix} = min({start} + PIECE_{number}, ({kind}){space.numel});",
            ]
        return found

    def _fields(self, found: Passes, level: Sequence[int]) -> list[Field]:
        return [f for r in level for f in found.state(r).fields]

    def _place(self, part: str) -> str:
        return part if self.frame.single else f"{self.frame.nest.rows.position.text} * PARTS + {part}"

    def _piece(self, number: int) -> tuple[str, str]:
        prefix = self.frame.nest.spaces[number].prefix
        return f"from_{prefix}", f"to_{prefix}"

    def _add(self, suffix: str, found: Passes, depth: int, fields: list[Field], parts: bool) -> None:
        nest = self.frame.nest
        earlier = [f for level in nest.levels[:depth] for f in self._fields(found, level)]
        scratch = {_scratch(f): f"const {f.kind}*" for f in earlier} | {_scratch(f): f"{f.kind}*" for f in fields}
        grid = f"({self.frame.blocks(self.out.value)}, {self.out.value('PARTS') if parts else 1})"
        writes = [] if fields else list(nest.outputs)
        self.out.add(suffix, found.body, sorted(found.emitter.reads), writes, scratch, grid)


def _scratch(field: Field) -> str:
    return f"parts_{field.name}"
