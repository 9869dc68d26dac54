"""One output of one case: what it must be, and how far a candidate's output is from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from egg_search.core.verdict import Errors, Outcome, PrecisionClass
from evaluator.correctness.limits import Limits, derive_limits, relative_median, rows_of, unit_roundoff


@dataclass(frozen=True)
class Finding:
    """What a check found: `outcome` None when the output is right, in class `errors.precision`; `reason` then says why
    in no better one."""

    errors: Errors
    outcome: Outcome | None = None
    reason: str = ""
    flags: tuple[str, ...] = ()


EXACT = Errors(0.0, 0.0, 0.0, 0.0, PrecisionClass.FAITHFUL)


@dataclass(frozen=True)
class ExactCheck:
    """Integers and booleans: every element must be one that eager, truth or a perturbed truth gives (ties)."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    accepted: tuple[torch.Tensor, ...]

    def __call__(self, output: torch.Tensor) -> Finding:
        right = torch.stack([output == each for each in self.accepted]).any(0)
        if right.all():
            return Finding(EXACT)
        where = _first(~right)
        expected = self.accepted[0][where].item()
        wrong = int((~right).sum())
        reason = f"element {list(where)} is {output[where].item()}, expected {expected}; {wrong} wrong"
        return Finding(EXACT, Outcome.WRONG_VALUES, reason)


@dataclass(frozen=True)
class FloatCheck:
    """`truth` is [rows, columns] float64. Where `odd` says that eager or the truth is not finite it is 0, or what
    must come out there if anything finite does (`free`)."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    truth: torch.Tensor
    limits: Limits
    eager: torch.Tensor | None = None  # kept only where it is not finite somewhere
    odd: torch.Tensor | None = field(default=None, repr=False)
    free: torch.Tensor | None = field(default=None, repr=False)  # odd, but the odd inputs have no influence there
    kinds_matter: bool = True  # NaN must be NaN; else it is enough that nothing finite comes out there

    def __call__(self, output: torch.Tensor) -> Finding:
        flags: tuple[str, ...] = ()
        rows = rows_of(output).double()
        if self.odd is not None and self.eager is not None:
            problem = self._odd_values(rows)
            if problem:
                return Finding(EXACT, Outcome.WRONG_VALUES, problem)
            same = torch.equal(torch.isnan(rows), torch.isnan(self.eager)) and torch.equal(
                rows[torch.isinf(rows)], self.eager[torch.isinf(rows)]
            )
            flags = () if same else ("non-finite: NaN or inf where eager gives the other",)
            rows = torch.where(self.odd & ~(self.free & rows.isfinite()), self.truth, rows)
        return self._classify(output, (rows - self.truth).abs_(), flags)

    def _odd_values(self, rows: torch.Tensor) -> str:
        """Non-finite values must be where eager's are. Their kind may differ for infinite inputs only: there it is a
        matter of the order of a sum, which may meet `inf - inf` or not."""
        mismatch = (rows.isfinite() != self.eager.isfinite()) & ~self.free
        if not mismatch.any():
            mismatch = (rows.isnan() != self.eager.isnan()) & ~self.free
            if not (self.kinds_matter and mismatch.any()):
                return ""
        row, column = _first(mismatch)
        where = _unflatten(row * rows.shape[1] + column, self.shape)
        got, expected = rows[row, column].item(), self.eager[row, column].item()
        return f"element {where} is {got:.9g}, eager gives {expected:.9g}; {int(mismatch.sum())} such elements"

    def _classify(self, output: torch.Tensor, difference: torch.Tensor, flags: tuple[str, ...]) -> Finding:
        limits = self.limits
        peak = difference.amax(1, keepdim=True)  # a NaN makes every comparison below false
        norm = difference.norm().item() / limits.truth_norm
        faithful = limits.rows[PrecisionClass.FAITHFUL]
        precision = PrecisionClass.LOOSE
        for name in limits.rows:
            if limits.admit(name, peak) and norm <= limits.norms[name]:
                precision = name
                break
        if precision is PrecisionClass.FAITHFUL and relative_median(difference, limits.scale) > limits.median:
            precision = PrecisionClass.TF32
        ratio = (peak / faithful).nan_to_num(float("inf")).max().item()
        worst = (peak / limits.scale.clamp_min(2.0**-126)).nan_to_num(float("inf")).max().item()
        norm = norm if norm == norm else float("inf")
        errors = Errors(norm, worst, ratio, limits.eager_norm, precision)
        if precision is PrecisionClass.FAITHFUL:
            return Finding(errors, flags=flags)
        outcome = Outcome.WRONG_VALUES if precision is PrecisionClass.LOOSE else None
        return Finding(errors, outcome, self._explain(output, difference, precision), flags)

    def _explain(self, output: torch.Tensor, difference: torch.Tensor, precision: PrecisionClass) -> str:
        """Why it is in no better class than `precision`."""
        faithful = self.limits.rows[PrecisionClass.FAITHFUL]
        better = list(self.limits.rows)[precision.rank - 1]
        wrong = ~(difference <= self.limits.rows[better])
        if not wrong.any():
            wrong = ~(difference <= faithful)
        if not wrong.any():
            norm = difference.norm().item() / self.limits.truth_norm
            return f"error in norm {norm:.3g}: it, or the median, is over the limit"
        row, column = _first(wrong)
        where = _unflatten(row * difference.shape[1] + column, self.shape)
        got, expected = rows_of(output)[row, column].item(), self.truth[row, column].item()
        count, total = int(wrong.sum()), difference.numel()
        return (
            f"element {where} is {got:.9g}, expected {expected:.9g}, faithful limit {faithful[row].item():.3g}; "
            f"{count} of {total} wrong"
        )


Check = ExactCheck | FloatCheck


def make_check(
    eager: torch.Tensor,
    truth: torch.Tensor,
    moved: list[torch.Tensor],
    stand_ins: Sequence[torch.Tensor] = (),
    kinds_matter: bool = True,
    coarse: torch.Tensor | None = None,
    graded: bool = True,
) -> Check:
    """The check of one output, from eager's, the truth, the truths of perturbed inputs, truths of inputs in which two
    different finite values stand for those that are not finite, and eager's with TF32 (same shape each). `graded`:
    whether it tells how exact an output is, beside right from wrong."""
    shape, dtype = tuple(eager.shape), eager.dtype
    if not eager.is_floating_point() or not eager.numel():
        same_type = [each.to(dtype) for each in (eager, truth, *moved)]
        return ExactCheck(shape, dtype, tuple(same_type))
    rows = rows_of(eager).double()
    exact, others = rows_of(truth).double(), [rows_of(each).double() for each in moved]
    odd = ~(rows.isfinite() & exact.isfinite())
    rough = None if coarse is None else rows_of(coarse).double()
    if not odd.any():
        limits = derive_limits(exact, rows, others, unit_roundoff(dtype), rough)
        return FloatCheck(shape, dtype, exact, _graded(limits, graded))
    free = torch.zeros_like(odd)
    rest = [each.masked_fill(odd | ~each.isfinite(), 0.0) for each in (exact, rows, *others)]
    if stand_ins:
        first, second = (rows_of(each).double() for each in stand_ins)
        free = odd & first.isfinite() & ((first - second).abs() <= 2.0**-24 * first.abs())
        rest = [torch.where(free, first, each) for each in rest]
    rough = None if rough is None else torch.where(odd, rest[0], rough)
    limits = derive_limits(rest[0], rest[1], rest[2:], unit_roundoff(dtype), rough)
    return FloatCheck(shape, dtype, rest[0], _graded(limits, graded), rows, odd, free, kinds_matter)


def _graded(limits: Limits, graded: bool) -> Limits:
    return limits if graded else limits.of_right_values()


def _first(mask: torch.Tensor) -> tuple[int, ...]:
    return _unflatten(int(mask.reshape(-1).to(torch.uint8).argmax()), tuple(mask.shape))


def _unflatten(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    index = []
    for size in reversed(shape):
        flat, rest = divmod(flat, size)
        index.append(rest)
    return tuple(reversed(index))
