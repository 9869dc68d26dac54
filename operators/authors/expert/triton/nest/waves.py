"""Rows that are split among programs and, though no multiprocessor holds one, read from memory once: a wave of rows is
written while the cache still has it.

All programs are of one launch and start in the order of their numbers. Those that reduce a wave come before those that
write the wave before: what a program waits for is under way, as in a scan that looks back (Merrill and Garland, 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

from operators.authors.expert.ir.graph import DType
from operators.authors.expert.kernels.nest.access import lies_inside
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.plan import KernelCode
from operators.authors.expert.triton.nest.split import Split, scratch
from operators.authors.expert.triton.nest.states import Field, kind, state
from operators.authors.expert.triton.text import indented

# Elements of all rows, below which the cache has them anyway; of one row, below which a multiprocessor holds it.
_LEAST_ELEMENTS, _LEAST_INNER, _LEAST_ROWS = 1 << 24, 1 << 15, 4
_WORDS = ("float32", "int32")


def flows(nest: Nest) -> bool:
    """Whether rows can be reduced at one level, by numbers that fit in a word with their mark, and are then written."""
    if len(nest.levels) != 1 or nest.totals or not lies_inside(nest) or nest.rows.numel < _LEAST_ROWS:
        return False
    inner = nest.spaces[0].numel
    if len(nest.spaces) > 1 or inner < _LEAST_INNER or inner * nest.rows.numel < _LEAST_ELEMENTS:
        return False
    states = [state(nest.graph, nest.joint.get(r), r, inner) for r in nest.levels[0]]
    words = all(f.storage in _WORDS and f.dtype is not DType.F64 for s in states for f in s.fields)
    return words and any(nest.output_space(o) is not None for o in nest.outputs)


@dataclass(frozen=True)
class Waves(Split):
    """One function: a program reduces a part of a row, or writes one."""

    def code(self) -> KernelCode:
        writing = self._writing(elements=True)
        reducing = self._reducing(0, writing)
        fields = self._fields(reducing, self.out.nest.levels[0])
        body = [
            "ticket = tl.atomic_add(started, 1).to(tl.int32)",
            "wave = ticket // (2 * WAVE * PARTS)",
            "writes = ticket // (WAVE * PARTS) % 2",
            "part = ticket % PARTS",
            "block = (wave - writes) * WAVE + ticket // PARTS % WAVE",
            "if (writes == 0) & (block < BLOCKS):",
            *indented(reducing.body),
            "if (writes == 1) & (block >= 0) & (block < BLOCKS):",
            *indented(writing.body),
        ]
        words = {scratch(f): "int64" for f in fields}
        values = {**self._constants(), "WAVE": self.out.constant("wave"), "BLOCKS": self.out.blocks()}
        reads = sorted({*reducing.emitter.reads, *writing.emitter.reads})
        waves = f"triton.cdiv({values['BLOCKS']}, {values['WAVE']}) + 1"
        grid = f"(({waves}) * 2 * {values['WAVE']} * {values['PARTS']},)"
        self.out.add("kernel", body, reads, list(self.out.nest.outputs), {"started": "int64", **words}, grid, values)
        size = f"{values['BLOCKS']} * {values['PARTS']}"
        zeros = "torch.zeros({}, dtype=torch.int64, device=_EGG_DEVICE)"
        views = [f"{name} = words[{i} * {size} :]" for i, name in enumerate(words)]
        return self.out.code(
            [f"words = {zeros.format(f'{len(words)} * {size}')}", *views, f"started = {zeros.format('1')}"]
        )

    def _own(self) -> list[str]:
        return self.frame.rows("block.to(tl.int64)" if self.frame.wide else "block")

    def _left(self, field: Field) -> str:
        return f"k_publish({self._place(field, 'part')}, {field.name})"

    def _joined(self, field: Field) -> str:
        word = f"k_wait({self._place(field, 'parts')}, parts < PARTS)"
        return f"{field.name} = tl.where(parts < PARTS, k_published({word}, {kind(field)}), {field.start})"
