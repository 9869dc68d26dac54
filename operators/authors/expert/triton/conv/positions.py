"""The statements that find out what a program works on: its phase, its output positions, the taps of a step."""

from __future__ import annotations

from math import prod

from operators.authors.expert.kernels.index import unravel, variable
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.geometry import Geometry
from operators.authors.expert.triton.dtypes import STORAGE
from operators.authors.expert.triton.expr import Emitter


def phase(g: Geometry, number: str) -> list[str]:
    """Takes the phase out of `number`, innermost: phases of a tile write between each other and read the same."""
    if g.phases == 1:
        return []
    lines = [f"phase = {number} % {g.phases}", f"{number} = {number} // {g.phases}"]
    digits = unravel(variable("phase", g.phases), [axis.phases for axis in g.axes])
    for axis, digit in zip(g.axes, digits, strict=True):
        if axis.phases > 1:
            lines += [f"f{axis.number} = {digit.written('//')}", *axis.defined()]
    return lines


def in_lanes(g: Geometry) -> list[str]:
    """Has the compiler give neighbours in i to neighbouring lanes, where each reads several taps of a row."""
    if g.axes[-1].taps == 1:
        return []
    why = "# Neighbours go to neighbouring lanes, not to one thread: most taps are no aligned vectors of it."
    return [why, "i = tl.max_contiguous(i, [1, 1])"]


def outputs(g: Geometry, images: int) -> list[str]:
    """Splits i, which runs over outputs of one phase, of as many images, and masks what that phase does not have."""
    i = variable("i", images * g.positions)
    names = ["image", *(f"y{axis.number}" for axis in g.axes)]
    digits = unravel(i, (images, *g.counts))
    lines = [f"{name} = {digit.written('//')}" for name, digit in zip(names, digits, strict=True) if digit.uses]
    ragged = [f"({axis.y.written('//')} * {axis.step} + f{axis.number} < {axis.out})" for axis in g.axes if axis.ragged]
    return [*lines, *([f"in_y = {' & '.join(ragged)}"] if ragged else [])]


def split(g: Geometry, images: int) -> frozenset[str]:
    """The variables that `outputs` makes of i, and i itself."""
    return frozenset(["i", *(["image"] if images > 1 else []), *(f"y{axis.number}" for axis in g.axes)])


def masks(g: Geometry, images: int, whole: bool) -> dict[str, str]:
    """Of the variables in `split`."""
    parts = ([] if whole else ["in_i"]) + (["in_y"] if any(axis.ragged for axis in g.axes) else [])
    return dict.fromkeys(split(g, images), " & ".join(parts)) if parts else {}


def taps(g: Geometry) -> list[str]:
    """Splits `tap`, which runs over the taps of a phase."""
    lines, rest = [], "tap"
    for axis in reversed(g.axes):
        if axis.taps > 1:
            many = f"taps{axis.number}" if axis.phases > 1 else str(axis.taps)
            if not all(axis.uses(f) for f in range(axis.phases)):
                many = f"tl.maximum({many}, 1)"  # a loop without a step may still be started ahead
            outermost = all(other.taps == 1 for other in g.axes[: axis.number])
            lines.append(f"u{axis.number} = {rest}" + ("" if outermost else f" % {many}"))
            rest = f"{rest} // {many}"
    return lines


def tap_count(g: Geometry) -> str:
    """How many taps a phase has."""
    known = prod(axis.taps for axis in g.axes if axis.phases == 1)
    counted = [f"taps{axis.number}" for axis in g.axes if axis.phases > 1]
    return " * ".join([*counted, *([str(known)] if known > 1 or not counted else [])])


def narrowed(rows: int, columns: int, acc: str = "acc") -> list[str]:
    """Leaves one of the equal rows or columns of sums that a size of 1 makes."""
    if rows == columns == 1:
        return [f"{acc} = tl.max(tl.max({acc}, 1), 0)"]
    return [f"{acc} = tl.max({acc}, {axis}, keep_dims=True)" for axis, size in enumerate((rows, columns)) if size == 1]


def finish(
    found: Convolution, emitter: Emitter, body: list[str], spans: frozenset[str], place: tuple, number: str = ""
) -> list[str]:
    """Statements that store the results, given the sums `acc<number>` at `place`, which the emitter knows as
    `sums<number>`; what they need goes to `body`."""
    node = found.contraction.node
    half = f".to({STORAGE[node.dtype]}).to(tl.float32)" if node.dtype.bytes < 4 else ""
    body.append(f"sums{number} = acc{number}{half}")
    emitter.hold(f"sums{number}", spans)
    places = found.contraction.places(place)
    assert places is not None, "a convolution has an epilogue that maps one to one"
    return [emitter.store(output, places[output]) for output in found.contraction.outputs]
