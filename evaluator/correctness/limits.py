"""How far an output may be from float64 truth, by precision class.

For an element c of row r with truth t, with u the unit roundoff of the output's type (2^-24 in float32):

    faithful   |c - t| <= max(4 E(r), 32 S(r), 8 u T(r), 2 G T(r))
    tf32       |c - t| <= max(faithful, 8 v/u S(r), 8 v T(r)),  v = 2^-11
    half       the same with v = 2^-8

T(r) is the row's largest |t|, E(r) eager's own worst error in it, G eager's worst error relative to its row, and S(r)
how far the truth moves when inputs and parameters move by ±u: without it an honest two-pass layer norm fails on
constant rows, where eager is exact by luck. Such rows also move as a whole: equal numbers round alike. Beside that, the
error in norm must be at most max(4 E, 16 S, 16 u) for faithful and 2 v max(1, S/u) for the others (each relative, in
norm), and for faithful the median error at most 4 times eager's. To flush denormals to zero is no error, of an element
or in norm.

What eager with TF32 returns in floating point is of class tf32 by definition, where a sharp softmax makes more of its
error than S tells: 4 times its own worst error in a row, and twice that in norm, are within the limits of tf32 and
half. Which rows are hit is chance: those of a candidate may be others, if they are as few and as near to the truth. Of
its rows outside of all other limits the k-th worst may be 4 times as far off, relative to its scale, as eager's k-th,
and at most half of it.

Inputs of which nothing is left (`families.EMPTY`) tell right from wrong only: there faithful is what tf32 is.

A row that is mostly exact zeros, as behind a ReLU, does not tell how large its elements were before they were cut off:
its limits are no less than those of a usual row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from egg_search.core.verdict import PrecisionClass

UNITS = {PrecisionClass.TF32: 2.0**-11, PrecisionClass.HALF: 2.0**-8}
_FLOOR = 2.0**-126  # the smallest number that is none
_OUTSIDE, _FAR = 4096, 0.5  # rows at most that may be others than eager's with TF32, and how far off, of their scale
_SAMPLE = 1 << 16  # elements that a median is taken over
_CUT = 0.5  # share of exact zeros
MIN_ROW = 16


def rows_of(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as [rows, columns]: as many trailing axes as it takes for a row of at least 16 elements."""
    columns = 1
    for size in reversed(tensor.shape):
        if columns >= MIN_ROW:
            break
        columns *= size
    return tensor.reshape(-1, columns)


@dataclass(frozen=True)
class Limits:
    """Limits of one output. `rows[c]` is [rows, 1], `norms[c]` a number; `median` bounds the faithful class only."""

    rows: dict[PrecisionClass, torch.Tensor]
    norms: dict[PrecisionClass, float]
    median: float
    scale: torch.Tensor  # [rows, 1]: each row's largest |t|
    truth_norm: float
    eager_norm: float
    usual: float = _FLOOR  # scale that smaller rows are compared with
    rough: torch.Tensor | None = None  # worst errors of eager with TF32 in rows outside of all other limits, sorted

    def of_right_values(self) -> Limits:
        """The same, where faithful says no more than tf32 does."""
        rows, norms = ({**each, PrecisionClass.FAITHFUL: each[PrecisionClass.TF32]} for each in (self.rows, self.norms))
        return replace(self, rows=rows, norms=norms, median=math.inf)

    def admit(self, name: PrecisionClass, peak: torch.Tensor) -> bool:
        """Whether rows with these largest errors, [rows, 1], are of the class. NaN is of none."""
        outside = ~(peak <= self.rows[name])
        count = int(outside.sum())
        if not count or self.rough is None or name not in UNITS or count > len(self.rough):
            return not count
        worst = (peak / self.scale.clamp_min(self.usual))[outside].sort(descending=True).values
        return bool((worst <= (4 * self.rough[:count]).clamp_max(_FAR)).all())


def unit_roundoff(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps / 2


def derive_limits(
    truth: torch.Tensor,
    eager: torch.Tensor,
    moved: list[torch.Tensor],
    unit: float,
    tf32: torch.Tensor | None = None,
) -> Limits:
    """All arguments are finite float64 rows; `moved` are truths of inputs perturbed by `unit`, `tf32` is eager's result
    with TF32."""
    scale = truth.abs().amax(1, keepdim=True)
    error = (eager - truth).abs_()
    row_error = error.amax(1, keepdim=True)
    drift = torch.stack([(each - truth).abs_().amax(1, keepdim=True) for each in moved]).amax(0)
    worst = (row_error / scale.clamp_min(max(scale.median().item(), _FLOOR))).max().item()
    faithful = torch.maximum(4 * row_error, 32 * drift)
    faithful = torch.maximum(faithful, max(8 * unit, 2 * worst) * scale) + _FLOOR
    truth_norm = max(truth.norm().item(), _FLOOR)
    eager_norm = error.norm().item() / truth_norm
    drift_norm = max((each - truth).norm().item() for each in moved) / truth_norm
    rows = {PrecisionClass.FAITHFUL: faithful}
    flushed = _FLOOR * truth.numel() ** 0.5 / truth_norm
    norms = {PrecisionClass.FAITHFUL: max(4 * eager_norm, 16 * drift_norm, 16 * unit) + flushed}
    for name, coarse in UNITS.items():
        rows[name] = torch.maximum(faithful, torch.maximum(8 * coarse / unit * drift, 8 * coarse * scale))
        norms[name] = max(norms[PrecisionClass.FAITHFUL], 2 * coarse * max(1.0, drift_norm / unit) + flushed)
    own, usual = None, max(scale.median().item(), _FLOOR)
    if tf32 is not None and tf32.isfinite().all():
        rough = (tf32 - truth).abs_()
        peak = rough.amax(1, keepdim=True)
        missed = (peak / scale.clamp_min(usual))[peak > rows[PrecisionClass.TF32]]
        own = missed.sort(descending=True).values[:_OUTSIDE]
        for name in UNITS:
            rows[name] = torch.maximum(rows[name], 4 * peak)
            norms[name] = max(norms[name], 2 * rough.norm().item() / truth_norm)
    rows = {name: _above_cut_rows(limit, truth, scale) for name, limit in rows.items()}
    median = 4 * relative_median(error, scale) + max(16 * unit, 8 * relative_median((moved[0] - truth).abs_(), scale))
    return Limits(rows, norms, median, scale, truth_norm, eager_norm, usual, own)


def _above_cut_rows(limit: torch.Tensor, truth: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """[rows, 1] limits, where those of rows that are mostly zero are at least the median of the others'; of those that
    are not all zero where there are no others."""
    cut = (truth == 0).float().mean(1, keepdim=True) > _CUT
    if not cut.any():
        return limit
    usual = limit[scale > 0] if cut.all() else limit[~cut]
    return torch.where(cut, limit.clamp_min(usual.median().item()), limit) if usual.numel() else limit


def relative_median(error: torch.Tensor, scale: torch.Tensor) -> float:
    """The median of |error| over its row's scale, over a sample of rows."""
    step = max(1, min(error.shape[0], error.numel() // _SAMPLE))
    return (error[::step] / scale[::step].clamp_min(_FLOOR)).median().item()
