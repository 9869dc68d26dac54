"""Recurrent layers are captured whole, without a walk over time."""

import pytest
import torch
from torch import nn
from torch._decomp import decompositions

from operators.authors.expert.capture import capture

LAYERS = {
    "rnn": lambda: nn.RNN(6, 8, 2),
    "relu": lambda: nn.RNN(6, 8, nonlinearity="relu", bias=False, bidirectional=True),
    "gru": lambda: nn.GRU(6, 8, 3, batch_first=True),
    "lstm": lambda: nn.LSTM(6, 8, 2, bidirectional=True),
    "projected": lambda: nn.LSTM(6, 8, 2, proj_size=3, batch_first=True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_results_have_torchs_shapes(name):
    layer, x = LAYERS[name](), torch.randn(5, 4, 6)
    graph = capture(layer, [x])
    expected = torch.utils._pytree.tree_leaves(layer(x))
    assert [graph[o].shape for o in graph.outputs] == [tuple(each.shape) for each in expected]


@pytest.mark.parametrize("name, cell", [("gru", "gru_cell"), ("lstm", "lstm_cell"), ("rnn", "rnn_cell")])
def test_no_step_is_taken(name, cell, monkeypatch):
    monkeypatch.setattr(decompositions, cell, lambda *given: pytest.fail("a step"))
    if cell == "rnn_cell":
        monkeypatch.setattr(decompositions, cell, lambda nonlinearity: lambda *given: pytest.fail("a step"))
    ops = [node.attrs.get("target") for node in capture(LAYERS[name](), [torch.randn(5, 4, 6)]).nodes]
    assert any(str(op).startswith(f"aten.{name}") for op in ops)


def test_a_layer_that_runs_is_itself_again():
    layer, x = LAYERS["gru"](), torch.randn(5, 4, 6)
    before = decompositions.one_layer_rnn
    expected = layer(x)[0]
    capture(layer, [x])
    assert decompositions.one_layer_rnn is before
    torch.testing.assert_close(layer(x)[0], expected)
