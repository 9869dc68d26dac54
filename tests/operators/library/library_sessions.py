"""Problems whose products are left to the library, and the expert's plans for them on a GPU."""

from __future__ import annotations

from dataclasses import replace

from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.session import Session
from operators.authors.expert.structures.partition import Fusion
from operators.authors.expert.triton.dialect import TritonDialect
from principles import load

GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536)
CPU = Hardware("cpu", "any", 8, 64, 48 << 10, 1 << 20, 32 << 20, 1 << 34)
_SOURCE = """
import torch
from torch import nn
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(8, 16, 3, bias=False)
        self.second = nn.Conv2d(16, 8, 3, bias=False)
        self.cell = nn.LSTM(8, 16, batch_first=True)
        self.weight = nn.Parameter(torch.linspace(-1, 1, 64).reshape(8, 8))
    def forward(self, x):
        return {forward}
def get_inputs():
    return [torch.randn({shape})]
def get_init_inputs():
    return []
"""
FORWARDS = {
    "convolutions": ("torch.relu(self.second(self.first(x))).amax((2, 3))", "2, 8, 20, 20"),
    "product": ("torch.relu(x @ self.weight + 1) @ self.weight", "32, 8"),
    "recurrent": ("self.cell(x)[0].tanh()", "2, 5, 8"),
    "long": ("torch.relu((x * 2).sum(1)) + 1", "100000, 8192"),
    "one kernel": ("torch.relu(x) + 1", "32, 8"),
    "softmax": ("torch.softmax(x @ self.weight, 0).sum(0) * 2", "3000, 8"),
}
AROUND = Fusion("around library products", library=frozenset(["matmul", "conv", "attention"]))


def problem(name):
    forward, shape = FORWARDS[name]
    return Problem(name, _SOURCE.format(forward=forward, shape=shape))


def session(name, dialect=TritonDialect, hardware=GPU):
    return Session(problem(name), dialect(), hardware)


def plan(of, **changes):
    """All products left to the library, with the default schedule."""
    return replace(designer(of, load()).plan(of.captured, (), AROUND), **changes)


def changed(base, number, **decisions):
    """The plan with decisions of one kernel replaced."""
    kernel = base.kernels[number]
    kernel = replace(kernel, schedule={**kernel.schedule, **decisions})
    return replace(base, kernels=(*base.kernels[:number], kernel, *base.kernels[number + 1 :]))
