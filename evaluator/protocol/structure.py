"""What a forward pass returned, without the tensors: as a text that two processes can compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from evaluator.protocol.records import TEXT_BYTES

_PLAIN = (str, int, float, bool, type(None))


def structure_of(result: Any) -> str:
    """Containers by kind, length and keys; "tensor", "None", and "*" for any other leaf. Subclasses (named tuples,
    ordered dicts) are of the kind that they are made of: what is as good to a caller must not differ. Cut to what a
    reply holds."""
    return _text(result)[:TEXT_BYTES]


def _text(result: Any) -> str:
    if isinstance(result, torch.Tensor):
        return "tensor"
    if result is None:
        return "None"
    if isinstance(result, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {_text(value)}" for key, value in result.items()) + "}"
    if isinstance(result, tuple):
        return "(" + "".join(f"{_text(each)}, " for each in result).rstrip() + ")"
    if isinstance(result, list):
        return "[" + ", ".join(map(_text, result)) + "]"
    return "*"


def _key(key: Any) -> str:
    """Other keys may show an address, which no two processes share."""
    return ascii(key) if type(key) in _PLAIN else "*"
