"""What no correct implementation of a problem can do without, by a rule that errs on the side of nothing.

An argument is *surely read* when each of its elements has an influence on the outputs whatever the kernels are. That is
followed through the operators of one call, as one of four influences that a tensor can be under:

- GIVEN: it is the argument in another form, so that a view of it may stand for it and nothing has to be read;
- FULL: every element of the argument, and in no special way;
- BALANCED: every element, but sums over the tensor may be the same for all arguments (a softmax, a normalisation, x
  minus its mean), so that what sums it up may not depend on the argument any more;
- PART: some elements, perhaps.

Operators that are not listed here, slices, choices by a mask, products with what may be zero (a mask, a scalar 0, a
tensor made on the way, an activation of parameters), sums over something balanced and writes in place to what has other
views leave PART at the most. A full or balanced output counts. Parameters never do: an implementation may keep them in
another form. Nor does this see that different formulas cancel: problems that are known to be degenerate have no floor.

A contraction is *surely multiplied* when both operands are given as they are, one of them an argument, and
element-wise operators alone lead from it to an output: nothing can be reordered or folded then. Convolutions are left
out: there are algorithms with a fraction of the multiplications.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import torch

from evaluator.roofline.semantics import (
    ADDS,
    CONTRACTS,
    MULTIPLIES,
    NORMALISES,
    RESHAPES,
    SUMS,
    ZEROES,
    covers,
    is_unary,
)
from evaluator.roofline.tape import Step, Tape, distinct, storage_of


class Influence(IntEnum):
    NONE = 0
    PART = 1
    BALANCED = 2
    FULL = 3
    GIVEN = 4


def surely_read(tape: Tape) -> list[torch.Tensor]:
    """Arguments of which every element is."""
    arbitrary = _follow(tape, set(tape.arbitrary), None)
    sure = []
    for argument in {id(each): each for each in tape.arguments}.values():
        found = _follow(tape, {id(argument)}, arbitrary)
        if any(found.get(id(output)) in (Influence.BALANCED, Influence.FULL) for output in tape.outputs):
            sure.append(argument)
    return sure


def surely_multiplied(tape: Tape) -> int:
    """Flops."""
    return sum(step.flops for step in tape.steps if _is_plain(step, tape) and _is_kept(step.results[0], tape))


Influences = dict[int, Influence]


def _follow(tape: Tape, sources: set[int], arbitrary: Influences | None) -> Influences:
    """The influence of the sources on every tensor that is under one. `arbitrary` is that of everything whose values
    are arbitrary; None: the sources are that, and what they lead to is found as it is followed."""
    found: Influences = dict.fromkeys(sources, Influence.GIVEN)
    forms: dict[int, set[int]] = {}
    for step in tape.steps:
        for each in (*step.operands, *step.results):
            forms.setdefault(storage_of(each), set()).add(id(each))
        influence = _influence(step, found, found if arbitrary is None else arbitrary)
        if arbitrary is None and step.name.removesuffix("_") in ZEROES:
            influence = min(influence, Influence.PART)
        for written in step.written:
            others = forms[storage_of(written)] - {id(written)}
            influence = min(influence, Influence.PART) if others else influence
            if influence or (others | {id(written)}) & found.keys():
                found |= dict.fromkeys(others | {id(written)}, Influence.PART)
        if influence:
            first, *others = step.results
            found |= {id(first): influence} | {id(each): Influence.PART for each in others}
    return found


def _influence(step: Step, found: Influences, arbitrary: Influences) -> Influence:
    """On the first result."""
    own = [found.get(id(operand), Influence.NONE) for operand in step.operands]
    if not any(own):
        return Influence.NONE
    name = step.name.removesuffix("_") if step.writes else step.name
    if name in RESHAPES:
        whole = step.results[0].numel() >= step.operands[0].numel()
        return own[0] if whole else Influence.PART
    if name == "cat":
        return max(own)
    return min(Influence.FULL, _of_computed(name, step, own, arbitrary))


def _of_computed(name: str, step: Step, own: list[Influence], arbitrary: Influences) -> Influence:
    if is_unary(name, step):
        return own[0]
    if name in ADDS | MULTIPLIES and len(own) == 2:
        return _of_two(name, step, own, arbitrary)
    if name in SUMS and len(own) == 1 and covers(step):
        return own[0] if own[0] >= Influence.FULL else Influence.PART
    if name in NORMALISES and own[0]:
        return min(own[0], Influence.BALANCED)
    if name in CONTRACTS and covers(step):
        return _of_contraction(step, own, arbitrary)
    return Influence.PART


def _of_two(name: str, step: Step, own: list[Influence], arbitrary: Influences) -> Influence:
    if all(own):
        if step.operands[0] is step.operands[1]:
            return own[0] if name == "mul" else Influence.PART
        return min(*own, Influence.BALANCED)
    if name in MULTIPLIES and not _is_arbitrary(step.operands[own.index(Influence.NONE)], arbitrary):
        return Influence.PART
    return max(own)


def _of_contraction(step: Step, own: list[Influence], arbitrary: Influences) -> Influence:
    """Of the two factors; what is added to their product is left out."""
    first, second = CONTRACTS[step.name]
    factors = own[first], own[second]
    if all(factors):
        return min(*factors, Influence.BALANCED)
    if not any(factors):
        return Influence.PART
    other = step.operands[second if factors[0] else first]
    return Influence.FULL if max(factors) > Influence.PART and _is_arbitrary(other, arbitrary) else Influence.PART


def _is_arbitrary(tensor: torch.Tensor, arbitrary: Influences) -> bool:
    return arbitrary.get(id(tensor), 0) >= Influence.BALANCED


def _is_plain(step: Step, tape: Tape) -> bool:
    """Whether a contraction's factors are given: two of what is arbitrary, one of them an argument."""
    if step.name not in CONTRACTS or "conv" in step.name:
        return False
    factors = [_given(step.operands[position], tape) for position in CONTRACTS[step.name]]
    if None in factors or factors[0] is factors[1]:
        return False
    return any(factor is argument for factor in factors for argument in tape.arguments)


def _given(tensor: torch.Tensor, tape: Tape) -> torch.Tensor | None:
    """What is given of which `tensor` is a form, all of it and each element once."""
    for source in (*tape.arguments, *tape.state):
        if storage_of(source) == storage_of(tensor) and source.numel() == tensor.numel() == distinct(source):
            return source if id(source) in tape.arbitrary else None
    return None


def _is_kept(tensor: torch.Tensor, tape: Tape) -> bool:
    """Whether element-wise operators alone lead to an output."""
    if any(tensor is output for output in tape.outputs):
        return True
    uses = list(_uses(tensor, tape))
    if len(uses) != 1 or uses[0].writes:
        return False
    step, result = uses[0], uses[0].results[0]
    name, others = step.name, [each for each in step.operands if each is not tensor]
    known = name in RESHAPES or is_unary(name, step) or name in ADDS
    scaled = name in MULTIPLIES and bool(others) and all(_given(each, tape) is not None for each in others)
    return (known or scaled) and result.numel() >= tensor.numel() and _is_kept(result, tape)


def _uses(tensor: torch.Tensor, tape: Tape) -> Iterator[Step]:
    return (step for step in tape.steps if any(each is tensor for each in step.operands))
