"""Problems whose outputs say little of what was computed: a candidate for one may be right without computing anything.

What counts is the float64 truth, to within what eager's own rounding makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from evaluator.correctness.checks import Check, ExactCheck, FloatCheck
from evaluator.correctness.reference import Case
from evaluator.protocol.memory import same_bytes, tensors_of

_SLACK = 4  # as the limits take eager's error


def degeneracies(cases: Sequence[Case]) -> tuple[str, ...]:
    """In words, what is degenerate about a problem, from two or more cases of its own inputs with different seeds."""
    same_inputs = all(_same_inputs(cases[0], each) for each in cases[1:])
    found = ["the inputs are the same for every seed"] if same_inputs else []
    for position, checks in enumerate(zip(*(case.checks for case in cases), strict=True)):
        if what := _degeneracy(checks, same_inputs):
            found.append(f"output {position} {what}")
    return tuple(found)


def _degeneracy(checks: Sequence[Check], same_inputs: bool) -> str | None:
    if not all(_size(check) for check in checks):
        return "has no elements"
    if all(isinstance(check, FloatCheck) and check.eager is not None and check.eager.isnan().all() for check in checks):
        return "is NaN everywhere"
    fixed = not same_inputs and all(_same(checks[0], each) for each in checks[1:])
    if all(map(_is_zero, checks)):
        return "is zero everywhere" + (", whatever the inputs are" if fixed else "")
    if all(_size(check) > 1 and _is_constant(check) for check in checks):
        if fixed:
            return f"is {_first(checks[0]):.6g} everywhere, whatever the inputs are"
        return "has one value in all its elements"
    return "does not depend on the inputs" if fixed else None


def _same_inputs(first: Case, second: Case) -> bool:
    pairs = zip(tensors_of(first.arguments), tensors_of(second.arguments), strict=True)
    return all(a.shape == b.shape and same_bytes(a.contiguous(), b.contiguous()) for a, b in pairs)


def _same(first: Check, second: Check) -> bool:
    if first.shape != second.shape:
        return False
    if isinstance(first, ExactCheck) or isinstance(second, ExactCheck):
        return torch.equal(_values(first), _values(second))
    odd = [torch.zeros_like(each.truth, dtype=torch.bool) if each.odd is None else each.odd for each in (first, second)]
    if not torch.equal(*odd):
        return False
    if odd[0].any() and not torch.equal(*(each.eager[odd[0]].nan_to_num(nan=0.5) for each in (first, second))):
        return False
    return _is_noise(first.truth - second.truth, first, second)


def _is_zero(check: Check) -> bool:
    if isinstance(check, ExactCheck):
        return not _values(check).any()
    return check.odd is None and _is_noise(check.truth, check)


def _is_constant(check: Check) -> bool:
    if isinstance(check, ExactCheck):
        return bool((_values(check) == _values(check).flatten()[0]).all())
    return check.odd is None and _is_noise(check.truth - check.truth.mean(), check)


def _is_noise(difference: torch.Tensor, *checks: FloatCheck) -> bool:
    """Is it no larger, in norm, than what eager's rounding may do to these outputs?"""
    noise = sum(check.limits.eager_norm * check.limits.truth_norm for check in checks)
    return difference.norm().item() <= _SLACK * noise


def _values(check: Check) -> torch.Tensor:
    return check.accepted[0] if isinstance(check, ExactCheck) else check.truth


def _size(check: Check) -> int:
    return _values(check).numel()


def _first(check: Check) -> float:
    return _values(check).flatten()[0].item()
