"""The reference of one shape of a problem: eager, its float64 truth, and the checks that follow from them."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import count, islice
from typing import Any, Protocol

import torch
from torch.utils._pytree import tree_map

from egg_search.core.errors import TooLarge, UserError
from egg_search.core.problem import Problem
from egg_search.core.problem.outputs import flatten_outputs
from egg_search.core.verdict import Errors, Outcome
from evaluator.correctness.buffers import Buffers, Step, counts, moving
from evaluator.correctness.checks import EXACT, Check, Finding, FloatCheck, make_check
from evaluator.correctness.double import run_in_double, to_double, widened
from evaluator.correctness.families import EMPTY, SPECIAL, generator_for, transform
from evaluator.correctness.moves import has_constant_rows, moved_copies, perturbed, perturbed_rows
from evaluator.lazy import shares
from evaluator.protocol.memory import same_bytes, tensors_of
from evaluator.protocol.structure import structure_of
from evaluator.roofline.work import LeastWork, least_work

_MOSTLY_ZERO = 0.3
_FEW_COLUMNS = 16  # short rows need several perturbations: the worst of few elements is small by luck
_MOVES, _MOVES_OF_FEW = 2, 4  # at least
_MOVES_TOGETHER = 4  # of constant rows, each of which moves to one of two sides
_MOVED_BYTES = 4 << 30  # of the truths of moved inputs; beyond, there is one of each kind
OWN_INPUTS = "own inputs"
_PLENTY = 0.5  # of a device's memory
NO_ROOM = (torch.OutOfMemoryError, TooLarge)  # on the device, for what a case needs
_SHOWN = 200  # characters of a structure
_RUNNING = ("running_mean", "running_var")


@dataclass(frozen=True)
class Case:
    """Inputs and what must come out: a result of this structure whose tensors pass `checks`. `changes` checks those
    tensors among the arguments, by position, that eager changes: the others must keep their contents. `buffers` says
    what the model's buffers must be after one call on a fresh model; it is empty when eager changes none.
    `shared`: which of eager's outputs lie in the memory of an argument, or overlap."""

    name: str
    arguments: list[Any]
    structure: str
    checks: tuple[Check, ...]
    changes: dict[int, Check]
    buffers: dict[str, Check]
    seconds: float  # eager's, in the verifier: a scale for timeouts, no measurement
    shared: tuple[bool, ...] = ()

    @property
    def bytes(self) -> int:
        checks = (*self.checks, *self.changes.values())
        return bytes_of([*tensors_of(self.arguments), *(c.truth for c in checks if isinstance(c, FloatCheck))])

    def check_form(self, outputs: list[torch.Tensor], structure: str = "") -> Finding | None:
        """A finding when number, shapes or dtypes of the outputs are wrong, or what is known of their structure."""
        return check_form(outputs, [(check.shape, check.dtype) for check in self.checks], structure, self.structure)

    def decider(self, results: list[torch.Tensor], shown: Errors) -> Case | None:
        """The case whose `check` has to judge the results: this one."""
        return self

    def check(self, results: list[torch.Tensor]) -> list[Finding]:
        """One finding a result (see `results_of`); the form must be right."""
        return [check(each) for check, each in zip((*self.checks, *self.changes.values()), results, strict=True)]


class Asked(Protocol):
    """What a call was asked: a case of any kind."""

    arguments: list[Any]
    changes: Mapping[int, Any]


def results_of(case: Asked, outputs: list[torch.Tensor], changed: Mapping[int, torch.Tensor]) -> list[torch.Tensor]:
    """The outputs, then what the call left in the arguments that eager changes, in the order of `case.changes`."""
    before = tensors_of(case.arguments) if case.changes else []
    return [*outputs, *(changed.get(position, before[position]) for position in case.changes)]


def bytes_of(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def check_form(
    outputs: list[torch.Tensor], forms: list[tuple[tuple[int, ...], torch.dtype]], structure: str, expected: str
) -> Finding | None:
    """A finding when `outputs` are not as many as `forms`, not of these shapes and dtypes, or, where `structure` is
    known, in another one than expected."""
    if len(outputs) != len(forms):
        return _wrong_form(f"{len(outputs)} output tensors, expected {len(forms)}")
    for position, (output, (shape, dtype)) in enumerate(zip(outputs, forms, strict=True)):
        if tuple(output.shape) != shape:
            return _wrong_form(f"output {position} has shape {tuple(output.shape)}, expected {shape}")
        if output.dtype != dtype:
            return _wrong_form(f"output {position} is {output.dtype}, expected {dtype}")
    if structure and structure != expected:
        return _wrong_form(f"forward returns {structure[:_SHOWN]}, expected {expected[:_SHOWN]}")
    return None


def _wrong_form(reason: str) -> Finding:
    return Finding(EXACT, Outcome.WRONG_FORM, reason)


@dataclass(frozen=True)
class Eager:
    """One call of the Model: `changes` are the tensors among the arguments that it changes, by position, as it left
    them; `seconds` are the verifier's own, a scale and no measurement."""

    outputs: list[torch.Tensor]
    structure: str
    changes: dict[int, torch.Tensor]
    seconds: float
    shared: tuple[bool, ...]


class Reference:
    """One problem (or shape variant of one) with randomised parameters, computed on `device`. `state`, on the CPU, is
    what every worker's model gets."""

    def __init__(self, problem: Problem, seed: int, changed: dict[str, int] | None = None, device: str = "cpu") -> None:
        strict_float32()
        self._loaded, self._device = problem.load(device), device
        self.seed = seed
        self.changed = changed or {}  # of a variant: the constants that make it one
        self.init_inputs = self._loaded.init_inputs(seed)
        before = time.perf_counter()
        self._model = self._loaded.make_model(seed, copy.deepcopy(self.init_inputs))
        self.construct_seconds = time.perf_counter() - before
        shipped = copy.deepcopy(self._model.state_dict())
        _randomise(self._model, seed)
        if not self._finite(seed):
            self._model.load_state_dict(shipped)
        given = self._model.state_dict()
        self.state = {name: value.detach().to("cpu", copy=True) for name, value in given.items()}
        parameters = {name for name, _ in self._model.named_parameters(remove_duplicate=False)}
        self._buffers = {name: value.detach().clone() for name, value in given.items() if name not in parameters}
        self._double = widened(self._model)
        self._moved_doubles = moved_copies(self._double, seed)
        self._written: set[int] = set()  # tensors among the arguments that eager was seen to change
        self.call_bytes = 0  # that eager's first call took of a GPU's memory at most
        self.exact = True  # False once float64 failed: the truth is then eager itself

    @cached_property
    def work(self) -> LeastWork | None:
        """What any program for the problem has to do; None where it cannot be told."""
        return least_work(self._model, self.inputs(self.seed))

    def inputs(self, seed: int) -> list[Any]:
        """The problem's own inputs drawn from `seed`."""
        return self._loaded.make_inputs(seed)

    def eager(self, arguments: list[Any]) -> Eager:
        """What the Model, with its first buffers, makes of `arguments`, which stay as they are.

        Nothing else is computed. Raises UserError when the problem's code fails.
        """
        used, results = _clone(arguments), []
        self._renew(self._model)
        resting = self._rest()
        before = at_rest(self._device)
        outputs = self._loaded.run(lambda *given: results.append(self._model(*given)) or results[0], used)
        seconds = at_rest(self._device) - before
        if resting is not None:
            self.call_bytes = torch.cuda.max_memory_allocated() - resting
        left = tensors_of(used)
        pairs = enumerate(zip(left, tensors_of(arguments), strict=True))
        self._written |= {position for position, pair in pairs if not same_bytes(*pair)}
        changes = {position: left[position] for position in sorted(self._written)}
        return Eager(outputs, structure_of(results[0]), changes, seconds, shares(outputs, left))

    def _rest(self) -> int | None:
        """Bytes allocated before eager's first call on a GPU, whose peak counts from here on; None for other calls."""
        if self._device == "cpu" or self.call_bytes:
            return None
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()

    def give_back(self, plenty: float = _PLENTY) -> None:
        """What making cases took is for workers now, unless that share of the device is free: truths in float64 take
        many times what is kept of them."""
        if self._device != "cpu":
            free, total = torch.cuda.mem_get_info()
            if free < plenty * total:
                torch.cuda.empty_cache()

    @cached_property
    def moving_buffers(self) -> list[str]:
        """Those that the Model changes in every call; see `moving`."""
        return moving(self._buffers, self._stepper())

    def counting_buffers(self, forwards: int) -> Buffers:
        """What those that count the Model's calls hold after so many; see `counts`."""
        return counts(self._buffers, self._stepper(), forwards)

    def case(self, seed: int, family: str | None = None) -> Case | None:
        """A case of the problem's own inputs drawn from `seed`, changed by `family`.

        None where the family makes no sense for the problem: eager raises, or is not finite where it should be.
        """
        arguments = self.inputs(seed)
        if family is not None:
            arguments = transform(family, arguments, seed)
        try:
            eager = self.eager(arguments)
            results = [*eager.outputs, *eager.changes.values()]
            if family is not None and family not in SPECIAL and not _all_finite(results):
                return None
            results += self._buffers_of(self._model)
            truth, *moved = self._truths(arguments, results, seed)
            coarse = self._coarse(arguments, results)
            stand_ins = self._stand_ins(arguments) if family in SPECIAL else []
        except UserError as error:
            if family is None or isinstance(error, TooLarge):
                raise
            return None
        others = [list(each) for each in zip(*stand_ins, strict=True)] if stand_ins else [[] for _ in results]
        checks = iter(
            make_check(e, t, list(m), o, family != "infinite", c, family not in EMPTY)
            for e, t, *m, o, c in zip(results, truth, *moved, others, coarse, strict=True)
        )
        own = tuple(islice(checks, len(eager.outputs)))
        changes = dict(zip(eager.changes, islice(checks, len(eager.changes)), strict=True))
        buffers = dict(zip(self._buffers, checks, strict=True)) if self._changed() else {}
        name = family or OWN_INPUTS
        return Case(name, arguments, eager.structure, own, changes, buffers, eager.seconds, eager.shared)

    def _coarse(self, arguments: list[Any], results: list[torch.Tensor]) -> list[torch.Tensor | None]:
        """What eager with TF32 makes of `arguments`, in the order of `results`; None where that is the same, or there
        is no TF32."""
        if not self._has_tf32:
            return [None for _ in results]
        with _tf32():
            again = self.eager(arguments)
        found = [*again.outputs, *again.changes.values(), *self._buffers_of(self._model)]
        if all(map(same_bytes, found, results)):
            return [None for _ in results]
        return list(found)

    @property
    def _has_tf32(self) -> bool:
        return self._device != "cpu"

    def _truths(self, arguments: list[Any], eager: list[torch.Tensor], seed: int) -> list[list[torch.Tensor]]:
        """The float64 outputs on `arguments`, then those on perturbed arguments: in one move, of many rows some stay
        where they are by chance."""
        most = max(1, _MOVED_BYTES // max(1, 8 * sum(each.numel() for each in eager)))
        least = min(most, _MOVES_OF_FEW if any(map(_few_elements, eager)) else _MOVES)
        generator = torch.Generator(self._device).manual_seed(seed)
        moves = [(model, perturbed) for model in self._moved_doubles * max(1, least // len(self._moved_doubles))]
        if any(map(has_constant_rows, tensors_of(arguments))):
            moves += [(self._moved_doubles[0], perturbed_rows)] * min(most, _MOVES_TOGETHER)
        try:
            return [self._truth(self._double, arguments)] + [
                self._truth(model, tree_map(partial(move, generator=generator), to_double(arguments)))
                for model, move in moves
            ]
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, TypeError, ValueError):
            self.exact = False
            return [eager, eager]

    def _truth(self, model: torch.nn.Module, arguments: list[Any]) -> list[torch.Tensor]:
        """Outputs, then the arguments that eager changes, then buffers."""
        wide = to_double(arguments)
        self._renew(model)
        outputs = flatten_outputs(run_in_double(lambda: model(*wide)))
        left = tensors_of(wide)
        return [*outputs, *(left[position] for position in sorted(self._written)), *self._buffers_of(model)]

    def _stand_ins(self, arguments: list[Any]) -> list[list[torch.Tensor]]:
        """Truths with large finite values, of either sign, in place of what is not finite: they tell on which results
        those places have an influence, and on which only because 0 * NaN is NaN."""
        try:
            return [
                self._truth(self._double, tree_map(partial(_replaced, value=each), arguments)) for each in (1e4, -1e4)
            ]
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, TypeError, ValueError):
            return []

    def _stepper(self) -> Step:
        """Calls of eager, each on other inputs."""
        seeds = count(self.seed)

        def step(buffers: Buffers) -> Buffers:
            self._renew(self._model, buffers)
            self._loaded.run(self._model, self.inputs(next(seeds)))
            return dict(zip(self._buffers, self._buffers_of(self._model), strict=True))

        return step

    def _renew(self, model: torch.nn.Module, buffers: Buffers | None = None) -> None:
        """Puts the buffers back to what they were before the first call, or to these."""
        state = model.state_dict()
        for name, value in (buffers or self._buffers).items():
            state[name].copy_(value)

    def _buffers_of(self, model: torch.nn.Module) -> list[torch.Tensor]:
        state = model.state_dict()
        return [state[name].clone() for name in self._buffers]

    def _changed(self) -> bool:
        """Did the last call of eager change a buffer?"""
        return not all(map(same_bytes, self._buffers_of(self._model), self._buffers.values()))

    def _finite(self, seed: int) -> bool:
        model = copy.deepcopy(self._model)
        return _all_finite(self._loaded.run(model, self._loaded.make_inputs(seed)))


def strict_float32() -> None:
    """What float32 is to be here: PyTorch ships with TF32 allowed in convolutions on GPUs."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


@contextmanager
def _tf32() -> Iterator[None]:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    try:
        yield
    finally:
        strict_float32()


def at_rest(device: str) -> float:
    """The time, in seconds, when everything that was asked of `device` is done."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


def _randomise(model: torch.nn.Module, seed: int) -> None:
    """Moves parameters and running statistics off their initial values, which hide faults (ones, zeros)."""
    generator = generator_for(list(model.parameters()), seed)
    running = [buffer for name, buffer in model.named_buffers() if name.rpartition(".")[2] in _RUNNING]
    with torch.no_grad():
        for value in (*model.parameters(), *running):
            if not value.is_floating_point() or not value.numel():
                continue
            constant = bool((value == value.flatten()[0]).all())
            spread = 0.25 if constant else 0.2 * value.float().std().item()
            value.add_(torch.empty_like(value).uniform_(-spread, spread, generator=generator))


def _few_elements(output: torch.Tensor) -> bool:
    """Whether its rows have few elements that could move: they are short, or mostly zero."""
    return not output.dim() or output.shape[-1] < _FEW_COLUMNS or bool((output == 0).float().mean() > _MOSTLY_ZERO)


def _replaced(leaf: Any, value: float) -> Any:
    if not isinstance(leaf, torch.Tensor) or not leaf.is_floating_point():
        return leaf
    return leaf.masked_fill(~leaf.isfinite(), value)


def _all_finite(tensors: list[torch.Tensor]) -> bool:
    return all(bool(each.isfinite().all()) for each in tensors)


def _clone(arguments: list[Any]) -> list[Any]:
    return tree_map(lambda leaf: leaf.clone() if isinstance(leaf, torch.Tensor) else leaf, arguments)
