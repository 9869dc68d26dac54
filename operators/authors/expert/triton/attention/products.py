"""How attention multiplies: as Triton takes factors apart, or in pieces of float16 that were cut before.

Every block of queries would cut the same keys and values again, and tensor cores read what is cut from shared memory,
where it had to be written first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from operators.authors.expert.triton.attention.matrices import matrices
from operators.authors.expert.triton.attention.schedule import AS_GIVEN, ONE_PIECE
from operators.authors.expert.triton.attention.task import Task
from operators.authors.expert.triton.dtypes import STORAGE
from operators.authors.expert.triton.matmul import before, pieces
from operators.authors.expert.triton.matmul.frame import Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.matmul.product import Side, side


class Products(Protocol):
    def prepare(self, out: Functions) -> dict[str, str]:
        """Adds functions that run before; what they leave behind, and torch's names of the types."""

    def query(self, frame: Frame) -> list[str]:
        """Statements ahead of the loop over keys."""

    def scores(self, frame: Frame) -> list[str]:
        """`product`, of a block of queries and keys."""

    def sums(self, frame: Frame) -> list[str]:
        """`acc`, with the values of a block by their `weights`."""

    def finished(self, frame: Frame) -> list[str]:
        """Statements behind the loop."""


class AsGiven:
    """Of float32 at the precision that the kernel's constant names, of half types with sums in float32. `tile` loads a
    block of a factor."""

    def __init__(self, task: Task, tile: Callable[[str], str]) -> None:
        self._single, self._type, self._tile = task.single, STORAGE[task.value.dtype], tile

    def prepare(self, out: Functions) -> dict[str, str]:
        return {}

    def query(self, frame: Frame) -> list[str]:
        self._query = self._tile("query")
        return []

    def scores(self, frame: Frame) -> list[str]:
        key, precision = self._tile("key"), ", input_precision=PRECISION" if self._single else ""
        return [f"product = tl.dot({self._query}, {key}{precision})"]

    def sums(self, frame: Frame) -> list[str]:
        value = self._tile("value")
        if self._single:
            # Tensor cores drop bits of a long sum: they add up one block, and blocks are added in float32.
            return [f"acc = tl.fma(acc, shrink, tl.dot(weights, {value}, input_precision=PRECISION))"]
        return [f"acc = tl.dot(weights.to({self._type}), {value}, acc * shrink)"]

    def finished(self, frame: Frame) -> list[str]:
        return []


class InPieces:
    """Of float32: blocks of queries, keys and columns of values are scaled and cut into two pieces of float16 that keep
    22 bits, or into `one` that keeps 11, as TF32 does. Weights are at most 1 and need no scale. A score that is
    infinite stays so, as -inf hides a key; where a value is, sums are infinite or NaN."""

    def __init__(self, task: Task, tile: Callable[[str], str], one: bool) -> None:
        self._task, self._tile, self._one = task, tile, one
        self._key, self._value = (self._side(name) for name in ("key", "value"))

    def _side(self, name: str) -> Side:
        return side(self._task.epilogue, matrices(self._task, name))

    def prepare(self, out: Functions) -> dict[str, str]:
        left = {}
        for each in (self._key, self._value):
            before.split(out, self._task, each, pieces.HALF if self._one else pieces.HALVES)
            left |= {f"pieces_{each.factor.name}": "float16", f"exponents_{each.factor.name}": "int32"}
        return left

    def query(self, frame: Frame) -> list[str]:
        query = self._tile("query")
        if "q" in frame.masks() and self._task.queries > 1:  # rows beyond the last one have no say in the scale
            query = f"tl.where(in_q, {query}, 0.0)"
        return [f"high_query, low_query, unit_query = k_halves({query})"]

    def scores(self, frame: Frame) -> list[str]:
        lines = [*self._pieces(self._key, "key", "j", "f", frame), self._unit(self._key, "key", frame)]
        high = "tl.dot(high_query, high_key)"
        product = high if self._one else "k_dot_halves(high_query, low_query, high_key, low_key)"
        return [*lines, f"product = {product} * unit_query * unit_key"]

    def sums(self, frame: Frame) -> list[str]:
        lines = self._pieces(self._value, "value", "x", "r", frame)
        if self._one:
            return [*lines, "acc = tl.dot(weights.to(tl.float16), high_value, acc * shrink)"]
        # As `k_dot_halves`, but without a look at every sum for what is infinite.
        return [
            *lines,
            "high_weights = weights.to(tl.float16)",
            "low_weights = ((weights - high_weights.to(tl.float32)) * 2048.0).to(tl.float16)",
            "small = tl.dot(high_weights, low_value, tl.dot(low_weights, high_value))",
            "added = tl.fma(small, 1.0 / 2048.0, tl.dot(high_weights, high_value))",
            "acc = tl.fma(acc, shrink, added)",
        ]

    def finished(self, frame: Frame) -> list[str]:
        return [self._unit(self._value, "value", frame), "acc = acc * unit_value"]

    def _pieces(self, of: Side, name: str, wide: str, deep: str, frame: Frame) -> list[str]:
        """Loads blocks of a factor's pieces, zero where there is nothing any more."""
        factor, masks = of.factor, frame.masks()
        inside = [masks[v] for v in (wide, deep) if v in masks]
        where = f"({_matrix(of)} * {factor.width} + {wide}) * {factor.depth} + {deep}"
        end = f", mask={' & '.join(inside)}, other=0.0" if inside else ""
        size = factor.batches * factor.width * factor.depth
        starts = {"high": "", "low": f" + {size}"}
        return [
            f"{piece}_{name} = tl.load(pieces_{factor.name}{start} + {where}{end})"
            for piece, start in starts.items()
            if not (self._one and start)
        ]

    def _unit(self, of: Side, name: str, frame: Frame) -> str:
        """What a row or column of pieces is to be multiplied by."""
        factor, masks = of.factor, frame.masks()
        end = f", mask={masks[factor.name]}, other=0" if factor.name in masks else ""
        exponent = f"tl.load(exponents_{factor.name} + {_matrix(of)} * {factor.width} + {factor.name}{end})"
        return f"unit_{name} = {pieces.unit(exponent)}"


def _matrix(of: Side) -> str:
    return of.factor.matrix.written("//")


def products(task: Task, tile: Callable[[str], str], how: str) -> Products:
    """As the choice `products` says; half types have none."""
    return AsGiven(task, tile) if how == AS_GIVEN else InPieces(task, tile, how == ONE_PIECE)
