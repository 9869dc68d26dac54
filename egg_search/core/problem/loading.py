"""A problem, executed: its model, its inputs and how they run."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import torch
from torch.utils._pytree import tree_map

from egg_search.core.errors import TooLarge, UserError
from egg_search.core.problem.outputs import flatten_outputs
from egg_search.core.problem.problem import Problem
from egg_search.core.problem.source import REQUIRED

InitInputs = list[Any] | dict[str, Any]
Made = TypeVar("Made")
_NAMED = 6  # constants that an error names


@dataclass(frozen=True)
class LoadedProblem:
    """The executed module; models and inputs are on `device`. Every method raises UserError, with the problem's line,
    when the problem's code raises."""

    problem: Problem
    module: ModuleType
    device: str = "cpu"

    def init_inputs(self, seed: int) -> InitInputs:
        """The arguments of Model's constructor: a list of positional or a dict of keyword ones."""
        with _blamed(self.problem, "get_init_inputs fails"):
            torch.manual_seed(seed)
            inputs = self.module.get_init_inputs()
        if isinstance(inputs, Mapping):
            return dict(inputs)
        if isinstance(inputs, (list, tuple)):
            return list(inputs)
        raise UserError(f"{self.problem.name}.py: get_init_inputs returns {_kind(inputs)}; return a list or a dict")

    def make_model(self, seed: int, init_inputs: InitInputs | None = None) -> torch.nn.Module:
        """A new Model with parameters drawn from `seed`, in the mode in which its constructor leaves it (training
        mode, as KernelBench runs it). `init_inputs` defaults to the problem's own."""
        chosen = self.init_inputs(seed) if init_inputs is None else init_inputs
        with _blamed(self.problem, "Model(...) fails on what get_init_inputs returns"):
            model = made_on(self.device, seed, lambda: construct(self.module.Model, chosen))
        if not isinstance(model, torch.nn.Module):
            raise UserError(f"{self.problem.name}.py: Model is no nn.Module; derive it from torch.nn.Module")
        return model if self.device == "cpu" else model.to(self.device)

    def make_inputs(self, seed: int) -> list[Any]:
        """Fresh arguments of forward, drawn from `seed`: tensors and other values, at least one."""
        with _blamed(self.problem, "get_inputs fails"):
            inputs = made_on(self.device, seed, self.module.get_inputs)
        if not isinstance(inputs, (list, tuple)):
            raise UserError(f"{self.problem.name}.py: get_inputs returns {_kind(inputs)}; return a list of arguments")
        if not inputs:
            raise UserError(f"{self.problem.name}.py: get_inputs returns nothing; return a list of forward's arguments")
        return tree_map(lambda leaf: leaf.to(self.device) if isinstance(leaf, torch.Tensor) else leaf, list(inputs))

    def run(self, model: torch.nn.Module, inputs: list[Any]) -> list[torch.Tensor]:
        """The tensors that `model` returns for `inputs`, without gradients. In-place changes reach `inputs`."""
        with _blamed(self.problem, "Model.forward fails on what get_inputs returns"), torch.no_grad():
            return flatten_outputs(model(*inputs))


def construct(cls: Callable[..., Any], init_inputs: InitInputs) -> Any:
    """A new object of `cls`, from a list of positional arguments or a dict of keyword ones."""
    return cls(**init_inputs) if isinstance(init_inputs, dict) else cls(*init_inputs)


def made_on(device: str, seed: int, make: Callable[[], Made]) -> Made:
    """What `make` returns after seeding, with `device` as the place where tensors are made by default: large ones are
    drawn far faster on a GPU. Code that names its own places may fail there, and is run again without."""
    if device != "cpu":
        try:
            with torch.device(device):
                torch.manual_seed(seed)
                return make()
        except torch.OutOfMemoryError:
            raise
        except Exception:  # it is the second try that tells
            pass
    torch.manual_seed(seed)
    return make()


def load(problem: Problem, device: str = "cpu") -> LoadedProblem:
    """Executes the problem's effective source as a module of its own name in `sys.modules`."""
    source, name = problem.effective_source, f"egg_problem_{problem.id}"
    module = ModuleType(name)
    module.__file__ = _filename(problem)
    # tracebacks, inspect and torch.jit look the source up here
    linecache.cache[module.__file__] = (len(source), None, source.splitlines(keepends=True), module.__file__)
    previous, sys.modules[name] = sys.modules.get(name), module
    try:
        with _blamed(problem, "the file fails when it is imported"):
            exec(compile(source, module.__file__, "exec"), module.__dict__)
        for required, wanted in REQUIRED.items():
            if not callable(getattr(module, required, None)):
                raise UserError(f"{problem.name}.py: no {required} at module level; a problem defines {wanted}")
    except UserError:
        del sys.modules[name]
        if previous is not None:
            sys.modules[name] = previous
        raise
    return LoadedProblem(problem, module, device)


@contextmanager
def _blamed(problem: Problem, what: str) -> Iterator[None]:
    """Turns an exception of the problem's own code into a UserError of one line."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _too_large(problem, error) from error
    except (Exception, SystemExit) as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == _filename(problem)]
        if isinstance(error, SyntaxError):
            lines.append(error.lineno)
        at = f": line {lines[-1]}" if lines else ""
        reason = " ".join(str(error).split("\n")[0].split()) or "no message"
        raise UserError(f"{problem.name}.py{at}: {what}: {type(error).__name__}: {reason}") from error


def _too_large(problem: Problem, error: torch.OutOfMemoryError) -> TooLarge:
    from egg_search.core.problem.overrides import constants

    names = ", ".join(f"{name}=..." for name in list(constants(problem.effective_source, problem.name))[:_NAMED])
    asked = re.search(r"Tried to allocate ([\d.]+ \w+)", str(error))
    what = f"a tensor of {asked[1]} does not fit" if asked else "it does not fit"
    how = f": --set {names}" if names else ""
    return TooLarge(f"{problem.name}.py: {what} into the GPU's memory; make the problem smaller{how}")


def _filename(problem: Problem) -> str:
    return f"<problem {problem.name} {problem.id}>"


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
