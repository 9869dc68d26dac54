"""Is a problem fit for a search? Errors stop it; warnings say what a campaign cannot see in it."""

from __future__ import annotations

from typing import Any

import torch

from egg_search.core.errors import UserError
from egg_search.core.problem.loading import LoadedProblem
from egg_search.core.problem.problem import Problem

# Two runs of an honest reference differ by the order of their sums at most; dropout or a fresh draw differs grossly.
REPEAT_RTOL = 1e-3


def validate(problem: Problem, device: str = "cpu") -> list[str]:
    """Runs the problem a few times on `device`. Returns warnings, one line each.

    Raises UserError when its code raises, when inputs or outputs do not repeat for one seed, and when forward
    returns no tensor, or one that is not dense and real. Outputs of integers and booleans only (an argmax) are
    fine: they must be matched exactly and have no precision to trade, so nothing floating-point is needed there.
    """
    loaded, reloaded = problem.load(device), problem.load(device)
    inputs, again, others = loaded.make_inputs(0), reloaded.make_inputs(0), loaded.make_inputs(1)
    if not _same(_tensors(inputs), _tensors(again), rtol=0.0):
        raise UserError(
            f"{problem.name}.py: get_inputs returns other values for the same seed; draw only from torch's generator"
        )
    seeded = not _same(_tensors(inputs), _tensors(others), rtol=0.0)  # asked before forward can change them
    outputs = _run(loaded, inputs, forward_seed=1)
    _check_form(problem, outputs)
    if not _same(outputs, _run(reloaded, again, forward_seed=2), rtol=REPEAT_RTOL):
        raise UserError(
            f"{problem.name}.py: Model is not deterministic: equal seeds and inputs give other outputs; "
            "remove dropout or random draws from forward"
        )
    warnings = _constant_warnings(outputs)
    if not seeded:
        return [*warnings, "get_inputs returns the same values for every seed: one input is all that is checked"]
    return [*warnings, *_independence_warnings(outputs, _run(loaded, others, forward_seed=1))]


def _run(loaded: LoadedProblem, inputs: list[Any], forward_seed: int) -> list[torch.Tensor]:
    model = loaded.make_model(0)
    torch.manual_seed(forward_seed)  # a forward that draws numbers shows itself
    return loaded.run(model, inputs)


def _check_form(problem: Problem, outputs: list[torch.Tensor]) -> None:
    if not outputs:
        raise UserError(f"{problem.name}.py: Model.forward returns no tensor; return a tensor, tuple, list or dict")
    for output in outputs:
        if output.layout is not torch.strided or output.is_quantized or output.is_complex():
            kind = str(output.dtype if output.layout is torch.strided else output.layout).removeprefix("torch.")
            raise UserError(f"{problem.name}.py: Model.forward returns a {kind} tensor; return dense real tensors")


def _tensors(inputs: list[Any]) -> list[Any]:
    """Inputs with their nesting flattened; other values stay, to be compared as they are."""
    flat = []
    for each in inputs:
        flat.extend(_tensors(list(each)) if isinstance(each, (list, tuple)) else [each])
    return flat


def _same(first: list[Any], second: list[Any], rtol: float) -> bool:
    return len(first) == len(second) and all(_close(a, b, rtol) for a, b in zip(first, second, strict=True))


def _close(first: Any, second: Any, rtol: float) -> bool:
    """Equal within `rtol` of the largest finite magnitude; exactly where it is no floating-point tensor."""
    if not isinstance(first, torch.Tensor) or not isinstance(second, torch.Tensor):
        return type(first) is type(second) and (not isinstance(first, (int, float, str, bool)) or first == second)
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    if not first.is_floating_point():
        return torch.equal(first, second)
    finite = first[first.isfinite()]
    scale = finite.abs().max().item() if finite.numel() else 0.0
    return torch.allclose(first, second, rtol=rtol, atol=rtol * scale, equal_nan=True)


def _constant_warnings(outputs: list[torch.Tensor]) -> list[str]:
    warnings = []
    for position, output in enumerate(outputs):
        if output.is_floating_point() and not output.isfinite().all():
            warnings.append(f"output {position} has values that are not finite")
        elif output.numel() > 1 and (output == output.flatten()[0]).all():
            value = output.flatten()[0].item() + 0  # no negative zero
            warnings.append(
                f"output {position} is constant ({value:g} everywhere): a search cannot tell right from wrong"
            )
    return warnings


def _independence_warnings(outputs: list[torch.Tensor], others: list[torch.Tensor]) -> list[str]:
    return [
        f"output {position} does not depend on the inputs: a search cannot tell right from wrong"
        for position, (first, second) in enumerate(zip(outputs, others, strict=False))
        if first.numel() > 1 and _close(first, second, rtol=0.0)
    ]
