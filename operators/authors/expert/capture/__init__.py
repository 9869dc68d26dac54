"""Capture: from a model and example inputs to the IR. Shapes, dtypes and non-tensor arguments become constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from operators.authors.expert.capture import (  # noqa: F401  (importing a family registers its lowerings)
    activations,
    attention,
    conv,
    creation,
    elementwise,
    gathers,
    losses,
    matmul,
    normalisations,
    pooling,
    reductions,
    resampling,
    scans,
    views,
)
from operators.authors.expert.capture.attributes import as_buffers
from operators.authors.expert.capture.export import AtenGraph, CaptureError, exported, traced
from operators.authors.expert.capture.walk import Walk
from operators.authors.expert.ir.graph import Graph

__all__ = ["CaptureError", "capture"]


def capture(model: torch.nn.Module, inputs: Sequence[Any]) -> Graph:
    """The graph of `model(*inputs)` in the mode that the model has; neither is changed.

    Raises CaptureError when neither torch.export nor torch.fx can read the model, or the IR cannot hold it.
    Non-tensor arguments are constants of the graph: whoever calls the result must check them.
    """
    with as_buffers(model):
        return Walk(_aten(model, inputs)).graph()


def _aten(model: torch.nn.Module, inputs: Sequence[Any]) -> AtenGraph:
    problems = []
    for reader in (exported, traced):
        try:
            return reader(model, inputs)
        except CaptureError:
            raise
        except Exception as error:  # torch raises anything here
            problems.append(f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}")
    raise CaptureError(f"torch.export: {problems[0][:200]}; torch.fx: {problems[1][:200]}")
