"""How much work a run of torch operators is, counted rather than timed."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from egg_search.core.errors import UserError


class Work(TorchDispatchMode):
    """A context that counts the elements that torch's operators read and write, and the flops of contractions.

    With a `limit`, going far over it raises UserError: a smaller constant can mean much more work (a stride).
    """

    def __init__(self, limit: Work | None = None) -> None:
        super().__init__()
        self.elements = 0
        self._flops = FlopCounterMode(display=False)
        self._limit = limit

    @property
    def flops(self) -> int:
        return self._flops.get_total_flops()

    def within(self, other: Work) -> bool:
        return self.elements <= other.elements and self.flops <= other.flops

    def __enter__(self) -> Work:
        self._flops.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._flops.__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = (each for each in tree_leaves((args, kwargs, result)) if isinstance(each, torch.Tensor))
        self.elements += sum(tensor.numel() for tensor in tensors)
        if self._limit is not None and self.elements > 2 * self._limit.elements:
            raise UserError("more work than the problem itself")
        return result
