"""The models of one worker and the arguments that are bound to them."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from egg_search.core.candidate import content_hash
from egg_search.core.problem.loading import construct, made_on
from evaluator.protocol.memory import Layout, Region
from evaluator.worker import ahead
from evaluator.worker.host import HostMemory
from evaluator.worker.setup import came_with_a_build

RESTORED = "torch.backends.cuda.matmul.allow_tf32", "torch.backends.cudnn.allow_tf32"  # when models are forgotten
NULL_MODEL = 0xFFFF  # returns nothing: what a call costs without a model


@dataclass(frozen=True)
class ModelSpec:
    """What a worker needs to construct a model: trusted, sent by the verifier.

    `class_name` None only executes the source (the build stage). `state` places the parameters and buffers in the
    region that travels along.
    """

    source: str
    class_name: str | None
    init_inputs: list[Any] | dict[str, Any] = ()
    seed: int = 0
    state: Layout | None = None
    threads: int = 1
    compiled: str = ""  # the mode of torch.compile; empty: it is not compiled
    tf32: bool | None = None  # may products and convolutions of float32 be computed in TF32? None: as torch is shipped


class Models:
    """Raises whatever the candidate's code raises."""

    def __init__(self, memory: HostMemory) -> None:
        self._memory = memory
        self._modules: dict[str, ModuleType] = {}
        self._tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        self._begin()

    def _begin(self) -> None:
        self._models: dict[int, Callable[..., Any]] = {NULL_MODEL: self._memory.null}
        self._arguments: dict[tuple[int, int], list[Any]] = {(NULL_MODEL, 0): []}

    def load(self, number: int, spec: ModelSpec, state_fd: int | None) -> None:
        torch.set_num_threads(spec.threads)
        if spec.tf32 is not None:
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = spec.tf32
        torch.manual_seed(spec.seed)
        if spec.class_name is None:
            ahead.compile_for_named_gpu()
        module = self._module(spec.source)
        if spec.class_name is None:
            return
        cls = getattr(module, spec.class_name)
        model = made_on(self._memory.device, spec.seed, lambda: construct(cls, spec.init_inputs))
        if spec.state is not None and state_fd is not None:
            region = Region(state_fd, spec.state.size)
            model.load_state_dict(spec.state.fill(spec.state.views(region)), strict=True)
        model = self._memory.take(model)
        self._models[number] = torch.compile(model, mode=spec.compiled) if spec.compiled else model

    def bind(self, number: int, slot: int, layout: Layout, fd: int) -> None:
        self._arguments[number, slot] = layout.fill(self._memory.bind(layout, fd))

    def call(self, number: int, slot: int) -> tuple[Callable[..., Any], list[Any]]:
        return self._models[number], self._arguments[number, slot]

    def buffers(self, number: int) -> list[torch.Tensor]:
        """The buffers that are part of the model's state."""
        model = self._models[number]
        parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
        return [value for name, value in model.state_dict().items() if name not in parameters]

    def forget(self) -> None:
        """All of them. What refers to itself goes too: it was frozen, and so is nobody's garbage. Raises RuntimeError
        where another configuration would find a module of this one's."""
        if came_with_a_build():
            raise RuntimeError("a module of the build is imported")
        models = [model for model in self._models.values() if isinstance(model, torch.nn.Module)]
        self._begin()
        for part in [part for model in models for part in model.modules()]:
            part.__dict__.clear()
        for name, module in self._modules.items():
            sys.modules.pop(name, None)
            linecache.cache.pop(module.__file__, None)
            module.__dict__.clear()
        self._modules.clear()
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = self._tf32

    def _module(self, source: str) -> ModuleType:
        """`source`, executed; once, however many models are made of it."""
        name = f"egg_candidate_{content_hash(source)}"
        if name not in self._modules:
            module = ModuleType(name)
            module.__file__ = f"<{name}>"
            # tracebacks, inspect and torch.jit look the source up here
            linecache.cache[module.__file__] = (len(source), None, source.splitlines(True), module.__file__)
            sys.modules[name] = module
            exec(compile(source, module.__file__, "exec"), module.__dict__)
            self._modules[name] = module
        return self._modules[name]
