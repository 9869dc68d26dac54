"""The text of `ModelNew`: who it is for, what calls it takes itself, and its forward."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent
from typing import Any

import torch

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.ir.torch_call import number

GUARDS = '''
def _egg_same(a, b):
    """Whether two constructor or forward arguments are equal, tensors by value."""
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        return isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_egg_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_egg_same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


def _egg_tensor(value, shape, dtype):
    """Whether `value` is a tensor that the kernels were made for; they have no backward."""
    return (
        isinstance(value, torch.Tensor)
        and value.shape == shape
        and value.dtype is dtype
        and value.device.type == {device}
        and not (value.requires_grad and torch.is_grad_enabled())
    )


def _egg_dense(t):
    return t if t.is_contiguous() else t.contiguous()
'''

_CLASS = '''
class ModelNew(Model):
    """The problem's model, with kernels for the problem's own shapes; any other call runs the original forward."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._egg_same_model = _egg_same({given}, {expected}){made}

    def _egg_fits(self, arguments):
        if not self._egg_same_model or self.training is not {training} or len(arguments) != {count}:
            return False
        return (
{tests}
        )
{keeping}
    def forward(self, *args, **kwargs):
        if kwargs or not self._egg_fits(args):
{original}
{body}
'''


_ORIGINAL = "return super().forward(*args, **kwargs)"
_STRICT = f"with _EggTf32(False):\n    {_ORIGINAL}"
_MARKS = '''
def _egg_marks(tensors):
    """Equal for the same tensors, at the same place, not written to since. Writes past `.data` leave no mark."""
    return [object() if t.is_inference() else (id(t), t.data_ptr(), t._version, t.device) for t in tensors]
'''
_KEEPING = '''
    def _egg_kept(self, name, *state):
        """What `name` made of these parameters and buffers; None when they are not what they were."""
        made, marks = self._egg_made.get(name, (None, ()))[:2]
        return made if marks == _egg_marks(state) else None

    def _egg_keep(self, name, made, *state):
        # Tensors and their memory are held, so that no others take their place unseen.
        self._egg_made[name] = made, _egg_marks(state), state, [t.detach() for t in state]
'''


def guards(device: str, keeps: bool = False) -> str:
    """`device` is Python text; `keeps`: some kernel keeps what it makes of the state."""
    text = GUARDS.replace("{device}", device).strip()
    return f"{text}\n\n\n{_MARKS.strip()}" if keeps else text


def model_class(
    graph: Graph,
    arguments: Sequence[Any],
    constructor: Any,
    training: bool,
    body: Sequence[str],
    keeps: bool = False,
    methods: str = "",
    strict: bool = False,
) -> str:
    """`arguments` are forward's example arguments, `constructor` those of the model (a list or a dict); `methods` are
    further ones, for `body` to call; `strict`: see `Example`."""
    by_name = isinstance(constructor, dict)
    tests = [test for i, value in enumerate(arguments) for test in _argument_tests(f"arguments[{i}]", value)]
    tests += [
        f"_egg_tensor({state_text(node.attrs['name'])}, {node.shape}, torch.{node.dtype})"
        for node in graph.nodes
        if node.op == "state"
    ]
    return _CLASS.format(
        given="kwargs" if by_name else "list(args)",
        expected="get_init_inputs()" if by_name else "list(get_init_inputs())",
        training=training,
        count=len(arguments),
        made="\n        self._egg_made = {}" * keeps + "\n        self._egg_graph = None" * bool(methods),
        original=indent(_STRICT if strict else _ORIGINAL, " " * 12),
        keeping=_KEEPING * keeps + methods,
        tests=indent("\nand ".join(tests or ["True"]), " " * 12),
        body=indent("\n".join(body), " " * 8),
    ).strip()


def state_text(name: str) -> str:
    """Python text that reads a parameter or buffer of `self` by its qualified name."""
    text = "self"
    for part in name.split("."):  # entries of a Sequential or ParameterList have numbers for names
        text = f"{text}.{part}" if part.isidentifier() else f"getattr({text}, {part!r})"
    return text


def _argument_tests(name: str, value: Any) -> list[str]:
    """Tensors of the same type, everything else equal, in the same lists and dicts."""
    if isinstance(value, torch.Tensor):
        return [f"_egg_tensor({name}, {tuple(value.shape)}, {value.dtype})"]
    if isinstance(value, dict):
        form, items = f"isinstance({name}, dict) and list({name}) == {list(value)!r}", value.items()
    elif isinstance(value, (list, tuple)):
        form, items = f"isinstance({name}, (list, tuple)) and len({name}) == {len(value)}", enumerate(value)
    else:
        return [f"_egg_same({name}, {_plain_text(value)})"]
    return [form, *(test for key, each in items for test in _argument_tests(f"{name}[{key!r}]", each))]


def _plain_text(value: Any) -> str:
    """An argument that is no tensor, as text that reads where `torch` is imported."""
    return f"torch.{value!r}" if isinstance(value, torch.device) else number(value)
