"""The least work of a problem: what any kernels for it must move and compute, however they are cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from evaluator.roofline.ceilings import Ceilings
from evaluator.roofline.sure import surely_multiplied, surely_read
from evaluator.roofline.tape import Tape, distinct, record, storage_of

_GATHERS = frozenset("embedding index index_select gather take _embedding_bag _embedding_bag_forward_only".split())
_READ_MARGIN = 1.05
_PRODUCT_MARGIN = 1.3  # over a large product in bfloat16, whose power is limited: a short one runs at a higher clock
_FAST_PRODUCTS = 0.75  # of the multiplications: two levels of Strassen's scheme
_SURVIVING = 0.25  # of the L2 cache: it is emptied by reading other data, and does not replace strictly by age


@dataclass(frozen=True)
class LeastWork:
    """Of one call. `read_bytes`: of arguments, parameters and buffers that operators use, each once (of a table that is
    looked up, no more than is looked up). `written_bytes`: of the outputs. `flops`: of the contractions as written.

    These describe; the other two bind. `sure_bytes` and `sure_flops` are what no correct implementation can do without:
    see `sure.py` for the rule. `operand_bytes` is the size of the widest floating argument's elements (4: float32).
    """

    read_bytes: int
    written_bytes: int
    flops: int
    sure_bytes: int = 0
    sure_flops: int = 0
    operand_bytes: int = 4

    @property
    def bytes(self) -> int:
        return self.read_bytes + self.written_bytes

    def floor_seconds(self, ceilings: Ceilings) -> float:
        """No correct call that begins with its arguments outside the caches takes less than this. 0: nothing is
        known."""
        reading = max(_READ_MARGIN * ceilings.read_bandwidth, ceilings.pin_bandwidth)
        cold = max(0.0, self.sure_bytes - _SURVIVING * ceilings.l2_bytes)
        computing = _PRODUCT_MARGIN * max(ceilings.bf16, ceilings.tf32, ceilings.fp64)
        return max(cold / reading, _FAST_PRODUCTS * self.sure_flops / computing)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def least_work(model: torch.nn.Module, arguments: list[Any]) -> LeastWork | None:
    """Of `model(*arguments)`, both of which stay as they are. None where a call cannot be followed without values."""
    tape = record(model, arguments)
    if tape is None:
        return None
    sources = {storage_of(each) for each in (*tape.arguments, *tape.state)}
    written = {id(each): each for each in tape.outputs if storage_of(each) not in sources}
    floats = [each.element_size() for each in tape.arguments if each.is_floating_point()]
    return LeastWork(
        read_bytes=_read_bytes(tape, sources),
        written_bytes=sum(distinct(each) * each.element_size() for each in written.values()),
        flops=sum(step.flops for step in tape.steps),
        sure_bytes=sum(distinct(each) * each.element_size() for each in _once(surely_read(tape))),
        sure_flops=surely_multiplied(tape),
        operand_bytes=max(floats, default=4),
    )


def _read_bytes(tape: Tape, sources: set[int]) -> int:
    """Each form in which a source is used counts its elements, all together no more than the source has."""
    used: dict[int, dict[Any, int]] = {}
    for step in tape.steps:
        for position, operand in enumerate(() if step.is_view else step.operands):
            if storage_of(operand) in sources:
                count = distinct(operand)
                if step.name in _GATHERS and not position:
                    count = min(count, step.results[0].numel())
                form = operand.shape, operand.stride(), operand.storage_offset(), count
                used.setdefault(storage_of(operand), {})[form] = count * operand.element_size()
    whole = {storage_of(each): distinct(each) * each.element_size() for each in (*tape.arguments, *tape.state)}
    return sum(min(whole[storage], sum(forms.values())) for storage, forms in used.items())


def _once(tensors: Iterable[torch.Tensor]) -> Iterable[torch.Tensor]:
    return {storage_of(each): each for each in tensors}.values()
