"""Hidden states that a model keeps as plain attributes: what a forward writes into them is seen, and left undone."""

import copy

import pytest
import torch
from torch import nn

from operators.authors.expert.capture import capture
from operators.authors.expert.ir.interpret import interpret, module_state


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.linspace(0, 1, 8).view(2, 4)
        self.linear = nn.Linear(7, 4)


class Assigned(Cell):
    def forward(self, x):
        self.hidden = torch.tanh(self.linear(torch.cat((x, self.hidden), 1)))
        return self.hidden * 2


class Written(Cell):
    def forward(self, x):
        self.hidden.copy_(torch.tanh(self.linear(torch.cat((x, self.hidden), 1))))
        return self.hidden * 2


@pytest.mark.parametrize("kind", [Assigned, Written])
def test_a_hidden_state_is_written(kind):
    model, x = kind(), torch.randn(2, 3)
    before = model.hidden
    graph = capture(model, [x])
    assert list(graph.mutations) == ["hidden"]
    assert model.hidden is before and "hidden" not in dict(model.named_buffers())
    assert torch.equal(before, Cell().hidden)
    expected = copy.deepcopy(model)(x)
    with_buffer = copy.deepcopy(model)
    del with_buffer.hidden
    with_buffer.register_buffer("hidden", before.clone())
    (result,) = interpret(graph, [x], module_state(with_buffer, graph))[:1]
    torch.testing.assert_close(result, expected)
