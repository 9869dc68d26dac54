"""Float32 in pieces of 16 bits that tensor cores multiply at full speed, split once and kept in memory by depth.

Rows of the left factor and columns of the right one are first scaled by a power of two, which is exact, so that their
largest element is just below 2**15: then pieces of float16 hold 11 bits each, and the smaller ones of bfloat16 do not
vanish. The exponents are put back when a tile is finished. The product of the largest pieces is added up by itself, in
stretches; the smaller products lie below its last bits and need no such care. Where a factor is not finite only the
largest pieces count: infinity minus itself is what is left for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from operators.authors.expert.kernels.index import Index
from operators.authors.expert.triton.text import indented

# Word of the decision `input_precision` to (number of pieces, their type, what the rest is multiplied with before the
# next piece is cut off, so that it uses the range of float16). The default first.
PIECES = {
    "fp16x3": (2, "float16", 2048.0),
    "bf16x6": (3, "bfloat16", 1.0),
    "bf16x3": (2, "bfloat16", 1.0),
}
ONE_PIECE = "fp16"  # another structure: its product is another one, and so are the tiles that suit it
_EVERY = {**PIECES, ONE_PIECE: (1, "float16", 1.0)}
_ORDER = ((2, 0), (0, 2), (1, 1), (1, 0), (0, 1))  # products of pieces beside that of the largest, smallest first
_BIAS = 127
_LARGEST = 15 + _BIAS - 1  # what the scale's exponent and the largest element's biased one add up to
_NEAR = -60, 40  # sums lie below 2**47, and nothing of them below 2**-6 counts
_SMALLEST = _LARGEST - 126  # below this biased exponent the scale would be infinite


@dataclass(frozen=True)
class Form:
    """What a factor is cut into: constants of the functions that cut it, with the text of their values, and the text of
    the pieces' type."""

    values: Mapping[str, str]
    type: str


HALVES, HALF = (Form({"PIECES": n, "PIECE": "tl.float16", "STEP": "2048.0"}, "float16") for n in "21")


def prefix(name: str) -> str:
    """Of the constants of kernel `name`."""
    return f"_{name.upper()}"


def definitions(name: str, word: str) -> list[str]:
    """Constants of the module, given the text of the decision `input_precision`."""
    own = prefix(name)
    table = [f"    {key!r}: ({n}, tl.{kind}, torch.{kind}, {step})," for key, (n, kind, step) in _EVERY.items()]
    return [
        f"{own}_PIECES, {own}_PIECE, {own}_TYPE, {own}_STEP = {{",
        *table,
        f"}}[{word}]",
        "# Triton's interpreter cannot multiply bfloat16: there, pieces are float32 that could be shorter.",
        'if _EGG_DEVICE == "cpu":',
        f"    {own}_TYPE = torch.float32",
    ]


def values(name: str) -> dict[str, str]:
    """Constants of the kernels, with the text of their values."""
    own = prefix(name)
    return {role: f"{own}_{role}" for role in ("PIECES", "PIECE", "STEP")}


def storage(name: str) -> str:
    return f"{prefix(name)}_TYPE"


def decided(name: str) -> Form:
    """As the decision `input_precision` says."""
    return Form(values(name), storage(name))


def power_of_two(exponent: str) -> str:
    """For whole exponents from -126 to 127."""
    return f"((({exponent}) + {_BIAS}) << 23).to(tl.float32, bitcast=True)"


def largest(value: str, bounds: list[str]) -> str:
    """The biased exponents of finite elements in bounds, else 0."""
    bits = f"(tl.abs({value}).to(tl.int32, bitcast=True) >> 23)"
    conditions = " & ".join(f"({each})" for each in (f"{bits} < 255", *bounds))
    return f"tl.where({conditions}, {bits}, 0)"


def exponents(pointer: str, position: Index, mask: str) -> str:
    """The biased exponents of the rows or columns at `position`, as far as they can be scaled up."""
    return scalable(f"tl.load({pointer} + {position.written('//')}{mask})")


def scalable(exponent: str) -> str:
    """The biased exponent, as far as it can be scaled up."""
    return f"tl.maximum({exponent}, {_SMALLEST})"


def cut(pointer: str, size: int, position: Index, mask: str) -> list[str]:
    """Stores `rest` in pieces, `size` elements apart."""
    place = f"{pointer} + n * {size} + {position.written('//')}"
    return [
        "for n in tl.static_range(PIECES):",
        "    piece = rest.to(PIECE).to(tl.float32)",
        f"    tl.store({place}, piece{mask})",
        "    rest = (rest - piece) * STEP",
    ]


def products(acc: str, loads: Sequence[Sequence[Sequence[str]]]) -> list[str]:
    """Statements that add the largest pieces' product to `acc`, the others' to `small`. `loads` are those of the tiles
    left0, left1, left2 and of right0 and so on: for each side, for each piece, statements."""
    small = {terms: f"small = tl.dot(left{terms[0]}, right{terms[1]}, small)" for terms in _ORDER}
    first, second, third = ([line for each in loads for line in each[n]] for n in range(3))
    third += [small[terms] for terms in _ORDER[:3]]
    second += ["if PIECES > 2:", *indented(third)]
    second += [small[terms] for terms in _ORDER[3:]]
    return [*first, "if PIECES > 1:", *indented(second), f"{acc} = tl.dot(left0, right0, {acc})"]


def unit(exponent: str) -> str:
    """What pieces that were scaled by this biased exponent are to be multiplied by."""
    return power_of_two(f"{scalable(exponent)} - {_LARGEST}")


def scaled(value: str, exponent: str) -> str:
    return f"{value} * {power_of_two(f'{_LARGEST} - {exponent}')}"


def finished() -> list[str]:
    """Statements that add the sums of `small` terms to those of large ones, `acc`, and undo the scales."""
    lines = [
        "if PIECES > 1:",
        "    acc = tl.where(tl.abs(acc) < float('inf'), acc + small * (1.0 / STEP), acc)",
    ]
    # Near zero first: sums of scaled pieces stay far from both ends of the range then, whatever the other side's are.
    # By vectors, as a whole tile of exponents would fill the registers.
    sides = {side: f"({side}_exponents - {_LARGEST})" for side in ("left", "right")}
    near = {side: f"tl.minimum(tl.maximum({text}, {_NEAR[0]}), {_NEAR[1]})" for side, text in sides.items()}
    factors = [*near.values(), *(f"{text} - {near[side]}" for side, text in sides.items())]
    return [*lines, *(f"acc = acc * {power_of_two(each)}" for each in factors)]
