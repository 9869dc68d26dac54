"""Inputs and parameters that moved by one unit roundoff: no candidate can help how far the truth moves with them."""

from __future__ import annotations

import copy
from typing import Any

import torch

from evaluator.correctness.families import generator_for

_UNIT = 2.0**-24
_MOST_TURNS = 3  # tells apart the moves of eight parameters


def moved_copies(model: torch.nn.Module, seed: int) -> list[torch.nn.Module]:
    """Copies whose parameters moved by one unit roundoff each: they are inputs too.

    From copy to copy the moves of some parameters are turned round: where those of a scale and a shift cancel in one
    copy, they add up in another.
    """
    copies = []
    for turned in range(1 + min(_MOST_TURNS, max(0, len(list(model.parameters())) - 1).bit_length())):
        moved, generator = copy.deepcopy(model), generator_for(list(model.parameters()), seed)
        with torch.no_grad():
            for index, value in enumerate(moved.parameters()):
                sign = -1 if turned and index >> (turned - 1) & 1 else 1
                value.add_(perturbed(value, generator) - value, alpha=sign)
        copies.append(moved)
    return copies


def perturbed(leaf: Any, generator: torch.Generator) -> Any:
    """Each element by itself, to either side; what is no tensor of floating point as it is."""
    if not isinstance(leaf, torch.Tensor) or not leaf.is_floating_point():
        return leaf
    signs = torch.randint(2, leaf.shape, generator=generator, dtype=torch.int8, device=leaf.device)
    return leaf * (1 + _UNIT * (signs.double() * 2 - 1))


def perturbed_rows(leaf: Any, generator: torch.Generator) -> Any:
    """The same for all of a row that is constant."""
    if not isinstance(leaf, torch.Tensor) or not _has_rows(leaf):
        return perturbed(leaf, generator)
    together = leaf * perturbed(torch.ones_like(leaf[..., :1]), generator)
    return torch.where(_constant(leaf), together, perturbed(leaf, generator))


def has_constant_rows(tensor: torch.Tensor) -> bool:
    """Equal numbers round alike, and what that makes of a sum does not average out."""
    return _has_rows(tensor) and bool(_constant(tensor).any())


def _has_rows(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() and tensor.dim() > 0 and tensor.shape[-1] > 1


def _constant(tensor: torch.Tensor) -> torch.Tensor:
    """[..., 1]: which rows are, of what is not zero."""
    first = tensor[..., :1]
    return (tensor == first).all(-1, keepdim=True) & (first != 0)
