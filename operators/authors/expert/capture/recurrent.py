"""Shapes of recurrent layers without a walk over time: torch makes every step of it to find them, thrice, which takes
minutes where sequences are long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import torch
from torch._decomp import decompositions
from torch._subclasses.fake_tensor import FakeTensor
from torch.fx.experimental.proxy_tensor import get_proxy_mode

_LAYERS = ("one_layer_rnn", "one_layer_lstm")  # of one direction; other versions of torch may name them otherwise


@contextmanager
def shapes_at_once() -> Iterator[None]:
    """While it lasts, layers of tensors without values take no steps, unless somebody records those."""
    with ExitStack() as stack:
        for name in _LAYERS:
            stepwise = getattr(decompositions, name, None)
            if stepwise is not None:
                stack.enter_context(mock.patch.object(decompositions, name, _at_once(stepwise)))
        yield


def _at_once(stepwise: Callable) -> Callable:
    def layer(steps, hidden, *args, **kwargs):
        if not isinstance(steps, FakeTensor) or get_proxy_mode() is not None:
            return stepwise(steps, hidden, *args, **kwargs)
        state = hidden[0] if isinstance(hidden, (tuple, list)) else hidden
        last = tuple(map(torch.empty_like, hidden)) if isinstance(hidden, (tuple, list)) else torch.empty_like(hidden)
        return steps.new_empty((len(steps), *state.shape)), last

    return layer
