"""Running a model in float64, also one that names narrower types in its forward."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

_NARROW = {torch.float32, torch.float16, torch.bfloat16}
_CASTS = {torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16}
_default_dtype_lock = threading.Lock()  # torch's default dtype is global


class _Widened(TorchFunctionMode):
    """Reads every narrower float type as float64."""

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = tree_map(_widen, (args, kwargs or {}))
        return (torch.Tensor.double if func in _CASTS else func)(*args, **kwargs)


def _widen(leaf: Any) -> Any:
    return torch.float64 if isinstance(leaf, torch.dtype) and leaf in _NARROW else leaf


def widened(model: torch.nn.Module) -> torch.nn.Module:
    """A copy of `model` with parameters and buffers in float64."""
    return copy.deepcopy(model).double()


def to_double(arguments: list[Any]) -> list[Any]:
    """A copy of the arguments with floating-point tensors in float64."""
    return tree_map(_double_leaf, arguments)


def _double_leaf(leaf: Any) -> Any:
    if not isinstance(leaf, torch.Tensor):
        return leaf
    return leaf.to(torch.float64, copy=True) if leaf.is_floating_point() else leaf.clone()


def run_in_double(forward: Callable[[], Any]) -> Any:
    """What `forward` returns where every narrower float type, named or by default, is float64."""
    with _default_dtype_lock:
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            with torch.no_grad(), _Widened():
                return forward()
        finally:
            torch.set_default_dtype(before)
