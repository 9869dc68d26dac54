"""Is an output near eager's on the same inputs? A quick filter before the full check, which alone calls a thing wrong.

It needs no truth for the inputs at hand: what the limits of a few cases with truth are, relative to each row's largest
value, holds for other inputs of the same kind. The smallest of them is taken, so the filter errs towards doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from egg_search.core.verdict import Errors, PrecisionClass
from evaluator.correctness.checks import Check, FloatCheck
from evaluator.correctness.limits import relative_median, rows_of

_CHUNK = {"cpu": 1 << 17, "cuda": 1 << 26}  # elements: their difference stays in a cache, or costs few questions
_SAMPLE = 1 << 14  # elements that the median is taken over
_FLOOR = 2.0**-126  # as in the limits
_SLACK = 2.0  # a class beyond faithful allows this many times the error that the candidate has shown, and no more


@dataclass(frozen=True)
class EagerOutput:
    """One output of eager in its own dtype, contiguous. Of floating-point ones also `scale`, each row's largest finite
    |value| ([rows, 1], in the type that differences are computed in), the norm, and whether all of it is finite."""

    value: torch.Tensor
    scale: torch.Tensor | None = field(default=None, repr=False)
    norm: float = 0.0
    finite: bool = True

    @classmethod
    def of(cls, value: torch.Tensor) -> EagerOutput:
        value = value.clone(memory_format=torch.contiguous_format)  # not a part of something larger
        if not value.is_floating_point() or not value.numel():
            return cls(value)
        rows = rows_of(value).to(_wide(value.dtype))
        finite = rows.isfinite()
        whole = bool(finite.all())
        rows = rows if whole else rows.masked_fill(~finite, 0.0)
        return cls(value, rows.abs().amax(1, keepdim=True), torch.linalg.vector_norm(rows).item(), whole)

    @property
    def form(self) -> tuple[tuple[int, ...], torch.dtype]:
        return tuple(self.value.shape), self.value.dtype

    @property
    def bytes(self) -> int:
        return self.value.numel() * self.value.element_size()


@dataclass(frozen=True)
class Nearness:
    """What is near, for one output: in class c, `rows[c]` ([rows, 1]) times the row's scale bounds each difference,
    and `norms[c]` times eager's norm bounds their norm. No classes: only equal values are near."""

    form: tuple[tuple[int, ...], torch.dtype]
    rows: dict[PrecisionClass, torch.Tensor]
    norms: dict[PrecisionClass, float]
    median: float  # faithful class: of differences, each relative to its row's scale

    def __call__(self, output: torch.Tensor, eager: EagerOutput, shown: Errors) -> bool:
        """Is `output`, of eager's form, as near as the class that the candidate has shown allows?"""
        if eager.form != self.form:
            return False
        if not self.rows or eager.scale is None:
            return torch.equal(output, eager.value)
        got, want = rows_of(output), rows_of(eager.value)
        bound, norm = self._bounds(eager, shown)
        if not _within(got, want, bound, norm * eager.norm + _FLOOR, eager.finite):
            return False
        return shown.precision is not PrecisionClass.FAITHFUL or self._median_is_small(got, want, eager)

    def _bounds(self, eager: EagerOutput, shown: Errors) -> tuple[torch.Tensor, float]:
        """Of each row's differences ([rows, 1], absolute), and of their norm relative to eager's."""
        own = _SLACK * (shown.norm + shown.eager_norm)
        if shown.precision is PrecisionClass.LOOSE:  # no class bounds it: what it has shown does
            return _SLACK * shown.worst * eager.scale + _FLOOR, own
        norm = self.norms[shown.precision]
        if shown.precision is not PrecisionClass.FAITHFUL:
            norm = min(norm, own)
        return self.rows[shown.precision] * eager.scale + _FLOOR, norm

    def _median_is_small(self, got: torch.Tensor, want: torch.Tensor, eager: EagerOutput) -> bool:
        down = max(1, min(got.shape[0], got.numel() // _SAMPLE))
        right = max(1, got.numel() // down // _SAMPLE)
        got, want = got[::down, ::right], want[::down, ::right]
        difference = _difference(got, want, eager.finite)
        return relative_median(difference, eager.scale[::down]) <= self.median


def nearness_of(checks: Sequence[Check]) -> Nearness | None:
    """From the checks of one output on several inputs; None where their forms differ."""
    first = checks[0]
    forms = {(type(check), check.shape, check.dtype) for check in checks}
    if len(forms) > 1:
        return None
    if not isinstance(first, FloatCheck):
        return Nearness((first.shape, first.dtype), {}, {}, 0.0)
    limits, wide = [check.limits for check in checks], _wide(first.dtype)
    rows = {
        name: torch.stack([_relative(each.rows[name], each.scale) for each in limits]).amin(0).to(wide)
        for name in limits[0].rows
    }
    norms = {name: min(each.norms[name] for each in limits) for name in limits[0].norms}
    return Nearness((first.shape, first.dtype), rows, norms, min(each.median for each in limits))


def _relative(limit: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """`limit` over `scale`; 0 for a row without any value, which says nothing of other inputs."""
    return torch.where(scale > _FLOOR, limit / scale.clamp_min(_FLOOR), 0.0)


def _within(got: torch.Tensor, want: torch.Tensor, bound: torch.Tensor, norm: float, finite: bool) -> bool:
    """Every difference within its row's bound, and all of them within `norm`? NaN is within nothing."""
    step, square = max(1, _CHUNK[got.device.type] // max(1, got.shape[1])), 0.0
    for first in range(0, got.shape[0], step):
        part = slice(first, first + step)
        difference = _difference(got[part], want[part], finite)
        if not bool((difference.amax(1, keepdim=True) <= bound[part]).all()):
            return False
        square += torch.linalg.vector_norm(difference).item() ** 2
    return square**0.5 <= norm


def _difference(got: torch.Tensor, want: torch.Tensor, finite: bool) -> torch.Tensor:
    """|got - want|. Where `want` is not finite: 0 for the same value, else infinite."""
    wide = _wide(want.dtype)
    difference = (got.to(wide) - want.to(wide)).abs_()
    if finite:
        return difference
    same = (got == want) | (got.isnan() & want.isnan())
    return torch.where(want.isfinite(), difference, torch.where(same, 0.0, float("inf")))


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype is torch.float64 else torch.float32
