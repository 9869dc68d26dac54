"""How attention multiplies: as Triton takes factors apart, or in pieces that are as exact as each product needs."""

from __future__ import annotations

from operators.authors.expert.triton.attention.task import Task
from operators.authors.expert.triton.dtypes import STORAGE


class AsGiven:
    """Of float32 at the precision that the kernel's constant names, of half types with sums in float32."""

    def __init__(self, task: Task) -> None:
        self._single, self._type = task.single, STORAGE[task.value.dtype]

    def scores(self, query: str, key: str) -> list[str]:
        """`product`, of blocks of queries and keys."""
        return [f"product = tl.dot({query}, {key}{', input_precision=PRECISION' if self._single else ''})"]

    def weights(self) -> list[str]:
        """`weights` of the scores of a block, and what earlier sums `shrink` by, from the largest score `above`."""
        return [
            'base = -FACTOR * tl.where(above == float("-inf"), 0.0, above)',
            "weights = tl.exp2(tl.fma(scores, FACTOR, base))",
            "shrink = tl.exp2(tl.fma(top, FACTOR, base))",
        ]

    def sums(self, value: str) -> list[str]:
        """`acc`, with the values of a block by their `weights`."""
        if self._single:
            # Tensor cores drop bits of a long sum: they add up one block, and blocks are added in float32.
            return [f"acc = tl.fma(acc, shrink, tl.dot(weights, {value}, input_precision=PRECISION))"]
        return [f"acc = tl.dot(weights.to({self._type}), {value}, acc * shrink)"]


class InPieces:
    """Of float32. Scores are exponents, and keep all 24 bits in three pieces of bfloat16. Weights and values keep 22 in
    two of float16, which take half the products: what comes to the largest of a column of values keeps its bits, and
    weights are at most 1."""

    scores = AsGiven.scores
    _single = True

    def weights(self) -> list[str]:
        """Of differences: however large scores are, the largest weight is 1."""
        return [
            'reached = tl.where(above == float("-inf"), 0.0, above)',
            "weights = tl.exp2((scores - reached) * FACTOR)",
            "shrink = tl.exp2((top - reached) * FACTOR)",
        ]

    def sums(self, value: str) -> list[str]:
        return [
            f"large_values, small_values, unit = k_halves({value}, 0)",
            "large_weights = weights.to(tl.float16)",
            "small_weights = ((weights - large_weights.to(tl.float32)) * 2048.0).to(tl.float16)",
            "added = k_dot_halves(large_weights, small_weights, large_values, small_values)",
            "acc = tl.fma(acc, shrink, added * unit)",
        ]
