"""Lowerings by ATen overload. A new op is one decorated function in one of the family files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.terms import Term, Terms


class Unsupported(Exception):
    """Raised by a lowering for arguments that it does not cover: the call becomes a library node."""


@dataclass(frozen=True)
class Call:
    """What a lowering may know beside its arguments. `types` are those of the results, None for an absent one."""

    terms: Terms
    types: tuple[TensorType | None, ...]

    @property
    def type(self) -> TensorType:
        """The type of the (first) result."""
        assert self.types[0] is not None
        return self.types[0]


Lowering = Callable[..., "Term | tuple[Term | None, ...]"]


@dataclass(frozen=True)
class Entry:
    lowering: Lowering
    wide: bool  # float16 and bfloat16 arguments come as float32, the result is rounded once


LOWERINGS: dict[str, Entry] = {}


def lowers(*targets: str, wide: bool = True) -> Callable[[Lowering], Lowering]:
    """Registers `function(call, *args, **kwargs)` for "NAME.OVERLOAD"s of aten; tensors come as Terms.

    The results are cast to the dtypes that torch gives; their shapes must be right.
    """

    def register(function: Lowering) -> Lowering:
        for target in targets:
            assert target not in LOWERINGS, f"{target} is lowered twice"
            LOWERINGS[target] = Entry(function, wide)
        return function

    return register


def widened(value: Any) -> Any:
    """`value` with its half-precision terms, also those in lists, cast to float32."""
    if isinstance(value, Term) and value.dtype in (DType.F16, DType.BF16):
        return value.cast(DType.F32)
    return [widened(each) for each in value] if isinstance(value, list) else value


def need(condition: bool) -> None:
    """Raises Unsupported unless `condition`."""
    if not condition:
        raise Unsupported
