"""What a forward pass returned, as a list of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def flatten_outputs(result: Any) -> list[torch.Tensor]:
    """The tensors in `result` (a tensor, or tuples, lists and dicts of them, nested), in order; other values drop."""
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, (tuple, list)):
        return [tensor for each in result for tensor in flatten_outputs(each)]
    return []
