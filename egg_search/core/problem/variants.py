"""Other shapes of a problem, found by trial: overrides on which correctness is checked besides the timed shape."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from egg_search.core.errors import UserError
from egg_search.core.problem.loading import InitInputs, LoadedProblem
from egg_search.core.problem.overrides import constants
from egg_search.core.problem.problem import Problem
from egg_search.core.problem.work import Work

Overrides = dict[str, int]
MAX_TRIALS = 64


def shape_variants(problem: Problem, limit: int = 3, fixed_model: bool = False, device: str = "cpu") -> list[Overrides]:
    """At most `limit` overrides of integer constants that give `forward` inputs of other shapes; deterministic.

    Each was run: it does no more work than the problem, gives finite outputs, and the problem's own Model gives the
    same outputs when it is constructed and called as the variant says (so a candidate, which carries the problem's
    constants, can be held to it). In order: batch-like constants (those that leave the model alone) odd and smaller;
    all constants smaller; batch-like ones very small. `fixed_model` keeps only variants with the problem's own
    constructor arguments, on which one model instance can be called. All run on `device`. Empty where there is nothing
    to vary.
    Raises UserError when the problem itself does not run.
    """
    trials = _Trials(problem, device)
    values = _integers(problem)
    batch_like = {n: v for n, v in values.items() if any(trials.keeps_model({n: w}) for w in _smaller(v))}
    plans = [(batch_like, _smaller, True), (values, _smaller, False), (batch_like, _tiny, True)]
    found: list[Overrides] = []
    for names, choices, keep in plans:
        if fixed_model and not keep:
            continue
        variant = _grow(trials, names, choices, keep)
        if variant and variant not in found and trials(variant).new_shapes:
            found.append(variant)
    return found[:limit]


@dataclass(frozen=True)
class _Trial:
    works: bool = False
    same_init: bool = False  # constructor arguments are the problem's own
    new_shapes: bool = False  # some input's shape is not the problem's


class _Trials:
    """Runs overrides, each at most once, and at most `MAX_TRIALS` of them."""

    def __init__(self, problem: Problem, device: str) -> None:
        self._problem, self._device = problem, device
        self._base = problem.load(device)
        self._init = self._base.init_inputs(0)
        inputs = self._base.make_inputs(0)
        self._shapes = _shapes(inputs)
        with Work() as self._work:
            self._base.run(self._base.make_model(0), inputs)
        self._seen: dict[tuple[tuple[str, int], ...], _Trial] = {}

    def __call__(self, overrides: Overrides) -> _Trial:
        key = tuple(sorted(overrides.items()))
        if key not in self._seen:
            if len(self._seen) >= MAX_TRIALS:
                return _Trial()
            try:
                self._seen[key] = self._run(overrides)
            except UserError:  # the problem's own code does not take these shapes
                self._seen[key] = _Trial()
        return self._seen[key]

    def keeps_model(self, overrides: Overrides) -> bool:
        trial = self(overrides)
        return trial.works and trial.same_init

    def _run(self, overrides: Overrides) -> _Trial:
        variant = self._problem.with_overrides(overrides).load(self._device)
        init, inputs = variant.init_inputs(0), variant.make_inputs(0)
        shapes = _shapes(inputs)
        with Work(self._work) as work:
            outputs = variant.run(variant.make_model(0, init), inputs)
        works = (
            work.within(self._work)
            and any(output.numel() for output in outputs)
            and all(output.isfinite().all() for output in outputs)
            and _agree(outputs, self._base, init, variant.make_inputs(0))
        )
        return _Trial(works, _equal_init(init, self._init), shapes != self._shapes)


def _grow(trials: _Trials, names: Overrides, choices: Callable[[int], Iterator[int]], keep_model: bool) -> Overrides:
    """Shrinks one constant after the other, each by the first choice that works with those before it; a constant
    that does not shrink alone is tried together with those of equal value (a square matrix)."""
    chosen: Overrides = {}
    for name, value in names.items():
        if name in chosen:
            continue
        twins = {other: value for other, each in names.items() if each == value and other not in chosen}
        groups = [[name], list(twins)] if len(twins) > 1 else [[name]]
        for trial in ({**chosen, **dict.fromkeys(group, choice)} for group in groups for choice in choices(value)):
            if trials.keeps_model(trial) if keep_model else trials(trial).works:
                chosen = trial
                break
    return chosen


def _smaller(value: int) -> Iterator[int]:
    """Odd first (tails of every tile), then three quarters and a half, which keep common divisors."""
    odd = value * 3 // 5 | 1
    candidates = [odd, value * 3 // 4, value // 2, value - 1]
    return iter(dict.fromkeys(each for each in candidates if 0 < each < value))


def _tiny(value: int) -> Iterator[int]:
    candidates = [value // 8 | 1, value // 4, value // 2]
    return iter(dict.fromkeys(each for each in candidates if 0 < each < value))


def _integers(problem: Problem) -> Overrides:
    """Constants of the problem whose right-hand side is an integer expression without names, and at least 2."""
    values: Overrides = {}
    for name, assignments in constants(problem.effective_source, problem.name).items():
        node = assignments[-1].value
        if node is None or any(isinstance(n, (ast.Name, ast.Call, ast.Attribute)) for n in ast.walk(node)):
            continue
        value = eval(compile(ast.Expression(node), "<constant>", "eval"), {"__builtins__": {}})
        if type(value) is int and value >= 2:
            values[name] = value
    return values


def _shapes(inputs: list[Any]) -> list[tuple[int, ...]]:
    return [tuple(each.shape) for each in tree_leaves(inputs) if isinstance(each, torch.Tensor)]


def _equal_init(first: InitInputs, second: InitInputs) -> bool:
    a, b = tree_leaves(first), tree_leaves(second)
    return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        return torch.equal(first, second)
    return type(first) is type(second) and first == second


def _agree(outputs: list[torch.Tensor], base: LoadedProblem, init: InitInputs, inputs: list[Any]) -> bool:
    """Does the problem's own Model, made with `init`, give `outputs`? Not if forward reads a changed constant."""
    own = base.run(base.make_model(0, init), inputs)
    return len(own) == len(outputs) and all(
        a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in zip(own, outputs, strict=True)
    )
