"""Problems written by the tests."""

import pytest

from egg_search.core.problem import Problem

BODY = """
import torch
from torch import nn
import torch.nn.functional as F

batch, dim = 6, 16
hidden = dim * 2

class Model(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.linear = nn.Linear(dim, hidden)
    def forward(self, x):
        return torch.relu(self.linear(x))

def get_inputs():
    return [torch.randn(batch, dim)]

def get_init_inputs():
    return [dim, hidden]
"""


@pytest.fixture
def problem():
    """A small problem; `problem(more)` appends source, which may define things again."""
    return lambda more="", **overrides: Problem("mine", BODY + more, overrides)
