"""What a model does, as the list of torch's operators that one call runs, on tensors that have shapes and no values."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import flop_registry

from egg_search.core.problem.outputs import flatten_outputs

_NONZERO = 0.99  # a draw may be zero


@dataclass(frozen=True)
class Step:
    """One call of an operator. `operands` and `results` are the tensors among its arguments and in its result."""

    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    operands: tuple[torch.Tensor, ...]
    results: tuple[torch.Tensor, ...]

    @property
    def name(self) -> str:
        """Without the overload: `aten::add` has the name `add`."""
        return self.func._overloadpacket.__name__

    @property
    def is_view(self) -> bool:
        """Whether nothing is read: the result is the operand in another form."""
        known = {storage_of(operand) for operand in self.operands}
        return not self.writes and bool(self.results) and all(storage_of(each) in known for each in self.results)

    def argument(self, name: str, default: Any = None) -> Any:
        """By its name in the operator's schema; `default` where it was not given."""
        names = (each.name for each in self.func._schema.arguments)
        return {**dict(zip(names, self.args, strict=False)), **self.kwargs}.get(name, default)

    @property
    def written(self) -> tuple[torch.Tensor, ...]:
        """The operands that it changes."""
        changed = [each.name for each in self.func._schema.arguments if each.alias_info and each.alias_info.is_write]
        return tuple(tensors_in([self.argument(name) for name in changed]))

    @property
    def writes(self) -> bool:
        return self.func._schema.is_mutable

    @property
    def flops(self) -> int:
        """Of a contraction; 0 for everything else."""
        if self.name in _UNCOUNTED:
            return _UNCOUNTED[self.name](self)
        count = flop_registry.get(self.func._overloadpacket)
        result = self.results if len(self.results) > 1 else self.results[0]
        return int(count(*self.args, **self.kwargs, out_val=result)) if count else 0


def _attention_flops(step: Step) -> int:
    """What is above a causal diagonal need not be computed."""
    query, key, value = (operand.shape for operand in step.operands[:3])
    whole = 2 * query[:-1].numel() * key[-2] * (query[-1] + value[-1])
    return whole // 2 if step.argument("is_causal", False) else whole


def _recurrent_flops(step: Step) -> int:
    """Every element of the sequence meets all weights (matrices: the vectors are biases)."""
    sequence, *others = tensors_in(step.args[: _WEIGHTS_END[step.name]])
    return 2 * sequence.shape[:-1].numel() * sum(weight.numel() for weight in others if weight.dim() == 2)


_KINDS = ("flash_attention", "flash_attention_for_cpu", "efficient_attention", "cudnn_attention")
_WEIGHTS_END = {"mkldnn_rnn_layer": 3, "_cudnn_rnn": 2}  # of the arguments that are the sequence and weights
_UNCOUNTED = {  # contractions that torch's own counter does not know, or in full
    **{f"_scaled_dot_product_{kind}": _attention_flops for kind in _KINDS},
    **dict.fromkeys(_WEIGHTS_END, _recurrent_flops),
}


@dataclass(frozen=True)
class Tape:
    """One call of a model. Tensors are known by their identity, and memory by its storage's; all are kept alive."""

    steps: tuple[Step, ...]
    arguments: tuple[torch.Tensor, ...]
    state: tuple[torch.Tensor, ...]  # parameters and buffers
    outputs: tuple[torch.Tensor, ...]
    arbitrary: frozenset[int]  # identities of those arguments and parameters whose values are no zeros: no mask, say


def record(model: torch.nn.Module, arguments: list[Any]) -> Tape | None:
    """Of `model(*arguments)`, which stay as they are, as does the model; nothing is computed. None where a call cannot
    be followed without values (control flow that depends on them, say)."""
    try:
        return _record(model, arguments)
    except Exception:  # whatever it is: a tape is for information
        return None


def _record(model: torch.nn.Module, arguments: list[Any]) -> Tape:
    fakes, state = FakeTensorMode(allow_non_fake_inputs=True), _state_of(model)
    memo = {id(value): _stand_in(fakes, value) for value in state}
    double = copy.deepcopy(model, dict(memo))  # no copy of what has a stand-in
    given = tensors_in(arguments)
    used = tree_map(lambda leaf: _stand_in(fakes, leaf) if isinstance(leaf, torch.Tensor) else leaf, arguments)
    with torch.no_grad(), fakes, _Recorder() as recorder:
        outputs = flatten_outputs(double(*used))
    stand_ins = tensors_in(used)
    pairs = [*zip(given, stand_ins, strict=True), *((value, memo[id(value)]) for value in model.parameters())]
    arbitrary = frozenset(id(stand_in) for value, stand_in in pairs if _is_arbitrary(value))
    return Tape(tuple(recorder.steps), tuple(stand_ins), tuple(memo.values()), tuple(outputs), arbitrary)


def _state_of(model: torch.nn.Module) -> list[torch.Tensor]:
    return list({id(value): value for value in (*model.parameters(), *model.buffers())}.values())


def _stand_in(fakes: FakeTensorMode, value: torch.Tensor) -> torch.Tensor:
    if isinstance(value, torch.nn.Parameter):
        return torch.nn.Parameter(fakes.from_tensor(value.data), requires_grad=False)
    return fakes.from_tensor(value.detach())


def _is_arbitrary(value: torch.Tensor) -> bool:
    if not value.is_floating_point() or not value.numel():
        return False
    return int(value.count_nonzero()) > _NONZERO * value.numel()


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        results = tuple(tensors_in(result))
        if results:  # else it asks for a property
            self.steps.append(Step(func, args, kwargs, tuple(tensors_in((args, kwargs))), results))
        return result


def tensors_in(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def storage_of(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def distinct(tensor: torch.Tensor) -> int:
    """Elements in memory: those that an expanded dimension repeats count once."""
    count = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= size if stride or not size else 1
    return count
