"""Rows that are split among programs: each level of reductions leaves parts, which the next function joins in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operators.authors.expert.kernels.nest.access import lies_inside
from operators.authors.expert.plan import KernelCode
from operators.authors.expert.triton.nest.frame import Frame, cols, program
from operators.authors.expert.triton.nest.functions import Functions
from operators.authors.expert.triton.nest.passes import Passes, passes
from operators.authors.expert.triton.nest.states import Field
from operators.authors.expert.triton.text import indented

_LATER = 1 << 30  # the number of a pass in a later function


@dataclass(frozen=True)
class Split:
    """A function for each level of reductions, whose programs have one part of their rows each, and one that writes."""

    out: Functions
    frame: Frame

    def code(self) -> KernelCode:
        nest, levels = self.out.nest, self.out.nest.levels
        elements = any(nest.output_space(o) is not None for o in nest.outputs)
        writing = self._writing(elements)
        again = dict.fromkeys(writing.read_in, _LATER)
        allocations = []
        for depth, level in enumerate(levels):
            found = self._program(depth, again)
            for group in found.groups(level):
                found.reduce(group, self._piece)
            fields = self._fields(found, level)
            found.body += [f"tl.store({self._place(f, 'part')}, {f.name}{self._rows_mask})" for f in fields]
            size = f"{nest.rows.numel} * {self.out.constant('parts')}"
            like = "dtype=torch.{}, device=_EGG_DEVICE"
            allocations += [f"{_scratch(f)} = torch.empty({size}, {like.format(f.storage)})" for f in fields]
            self._add(f"level{depth}", found, depth, fields, self.out.constant("parts"))
        self._add("write", writing, len(levels), [], self.out.constant("parts") if elements else "1")
        return self.out.code(allocations)

    def _writing(self, elements: bool) -> Passes:
        found = self._program(len(self.out.nest.levels), {})
        found.write_elements(self._piece)
        before = len(found.body)
        found.body += found.write_rows()
        if elements and len(found.body) > before:
            found.body[before:] = ["if part == 0:", *indented(found.body[before:])]
        return found

    def _program(self, depth: int, last: dict[int, int]) -> Passes:
        """A program that knows the reductions of levels before `depth` from the parts that others left."""
        found = passes(self.out.settings, self.frame, False, last)
        found.body += [f"part = {program(self.frame.wide, 1)}", *self.frame.rows(program(self.frame.wide))]
        if depth and self._as_wide:
            found.body.append("parts = tl.arange(0, WIDE)[None, :]")
        for level in self.out.nest.levels[:depth]:
            found.body += [self._joined(f) for f in self._fields(found, level)]
            found.body += [line for r in level for line in found.state(r).fold(self.frame.fold)]
            found.finish(level)
        return found

    @property
    def _as_wide(self) -> bool:
        """Whether parts are read as a tile of the shape in which rows are: results a row then lie where elements
        need them, while those of a narrow tile would be copied through shared memory, as often as a tile is wide."""
        return self.frame.by_rows and lies_inside(self.out.nest)

    def _joined(self, field: Field) -> str:
        """Reads what all parts left of a field."""
        if self._as_wide:
            rows = self.frame.masks().get(self.out.nest.rows.names[0])
            mask = " & ".join([*([rows] if rows else []), "(parts < PARTS)"])
            return f"{field.name} = tl.load({self._place(field, 'parts')}, mask={mask}, other={field.start})"
        parts = "tl.arange(0, PARTS)[None, :]" if self.frame.by_rows else "tl.arange(0, PARTS)"
        return f"{field.name} = tl.load({self._place(field, parts)}{self._rows_mask})"

    def _fields(self, found: Passes, level: Sequence[int]) -> list[Field]:
        return [f for r in level for f in found.state(r).fields]

    def _place(self, field: Field, part: str) -> str:
        rows = f"{self.out.nest.rows.position.written('//')} * PARTS + " if self.frame.by_rows else ""
        return f"{_scratch(field)} + {rows}{part}"

    @property
    def _rows_mask(self) -> str:
        mask = self.frame.masks().get(self.out.nest.rows.names[0]) if self.frame.by_rows else None
        return f", mask={mask}" if mask else ""

    def _piece(self, number: int) -> tuple[str, str]:
        size = _piece(number)
        return f"part * {size}", f"tl.minimum((part + 1) * {size}, {self.out.nest.spaces[number].numel})"

    def _add(self, suffix: str, found: Passes, depth: int, fields: list[Field], parts: str) -> None:
        nest = self.out.nest
        earlier = [f for level in nest.levels[:depth] for f in self._fields(found, level)]
        scratch = {_scratch(f): f.storage for f in (*earlier, *fields)}
        values = {"PARTS": self.out.constant("parts")}
        values["WIDE"] = f"max({values['PARTS']}, {self.out.common[cols(0)]})"
        for number, space in enumerate(nest.spaces):
            step = self.out.common[cols(number)]
            values[_piece(number)] = f"triton.cdiv({space.numel}, {values['PARTS']} * {step}) * {step}"
        writes = [] if fields else list(nest.outputs)
        grid = f"({self.out.blocks()}, {parts})"
        self.out.add(suffix, found.body, sorted(found.emitter.reads), writes, scratch, grid, values)


def _scratch(field: Field) -> str:
    return f"parts_{field.name}"


def _piece(number: int) -> str:
    """The constant that says how many elements of a row are a part."""
    return f"PIECE_{number}" if number else "PIECE"
