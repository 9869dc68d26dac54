"""A network of convolutions as a whole candidate in the interpreter; copies of weights follow their changes."""

import pytest

pytest.importorskip("triton")

import forked
from test_triton_conv_author import GPU

from egg_search.core.problem import Problem
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.session import Session
from operators.authors.expert.structures.seeds import FUSIONS
from operators.authors.expert.triton.dialect import TritonDialect
from principles import load

SOURCE = """
import torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 16, 5, stride=2, padding=2)
        self.own = torch.nn.Conv2d(16, 32, 3, padding=1, groups=16, bias=False)
        self.last = torch.nn.ConvTranspose2d(32, 10, 4, stride=2, padding=1)
    def forward(self, x):
        y = torch.relu(self.first(x * 2 - 1))
        return torch.sigmoid(self.last(self.own(y)))
def get_inputs():
    return [torch.randn(2, 3, 13, 16)]
def get_init_inputs():
    return []
"""
CHECK = """
import importlib.util, sys, torch
spec = importlib.util.spec_from_file_location("candidate", sys.argv[1])
candidate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(candidate)
ours, theirs, inputs = candidate.ModelNew(), candidate.Model(), candidate.get_inputs()
with torch.no_grad():
    assert ours._egg_fits(tuple(inputs))
    for _ in range(3):
        for parameter in theirs.parameters():
            parameter.mul_(1.5).add_(0.01)
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.copy_(other)
        for _ in range(2):
            torch.testing.assert_close(ours(*inputs), theirs(*inputs), rtol=2e-5, atol=2e-6)
"""


def test_a_network_agrees_with_its_problem_when_weights_change(tmp_path):
    session = Session(Problem("network", SOURCE), TritonDialect(), GPU)
    plan = designer(session, load()).plan(session.captured, (), FUSIONS[0])
    assert [kernel.kind for kernel in plan.kernels] == ["conv"] * 3
    text = session.text(plan, "network")
    assert "k2_keep(" in text  # weights of the transposed convolution, by depth
    (tmp_path / "candidate.py").write_text(text)
    forked.run(CHECK, tmp_path / "candidate.py")
