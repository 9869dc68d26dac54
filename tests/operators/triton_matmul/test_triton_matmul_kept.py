"""What products keep of weights from call to call: repacked or split once, never stale, never of inputs."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("triton")

import forked
from test_triton_matmul_author import GPU

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.problem import Problem
from egg_search.core.signature import structure
from evaluator.static import static_flags
from operators.authors.expert.session import Session
from operators.authors.expert.structures.designer import Designer
from operators.authors.expert.structures.partition import Fusion
from operators.authors.expert.triton.dialect import TritonDialect

SOURCE = """
import torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn({depth}, 80))
        self.register_buffer("scale", torch.rand(80))
    def forward(self, x):
        return torch.relu(x @ {factor})
def get_inputs():
    return [torch.randn({rows}, {depth})]
def get_init_inputs():
    return []
"""


def candidate(layout, factor="self.weight", rows=66, depth=130, **values):
    """(text, code of the only kernel)"""
    session = Session(Problem("kept", SOURCE.format(factor=factor, rows=rows, depth=depth)), TritonDialect(), GPU)
    base = Designer(session.dialect.generators, GPU).plan(session.captured, (), Fusion("all"))
    (kernel,) = base.kernels
    choices = {"product": "tiled", "layout": layout}
    generator = session.dialect.generators["matmul"]
    kernel = replace(kernel, choices=choices, schedule={})
    offered = generator.schedule(session.captured, kernel, GPU)
    schedule = {n: replace(d, choices=(), value=values.get(n, d.value)) for n, d in offered.items()}
    plan = replace(base, kernels=(replace(kernel, schedule=schedule),))
    return session.text(plan, "kept"), generator.emit(session.captured, plan.kernels[0], "k0")


@pytest.mark.parametrize("layout", ["b by depth", "in pieces"])
@pytest.mark.parametrize("factor", ["self.weight", "(self.weight * self.scale)"])
def test_copies_of_weights_follow_every_change_of_them(tmp_path, layout, factor):
    text, code = candidate(layout, factor, block_m=32, block_n=32, block_k=64)
    assert code.kept is not None
    (tmp_path / "candidate.py").write_text(text)
    forked.run(Path(__file__).with_name("kept_weights.py").read_text(), tmp_path / "candidate.py")


def test_what_inputs_are_part_of_is_made_in_every_call():
    for layout in ("a by depth", "b by depth", "in pieces"):
        _, code = candidate(layout, "(self.weight * x[:1].t())")
        assert code.kept is None, layout
    _, code = candidate("both by depth")
    assert code.kept.tensors == ("packed_j",)


def test_kept_copies_are_part_of_the_structure_and_honest():
    texts = [candidate("in pieces", input_precision=word)[0] for word in ("fp16x3", "bf16x6", "fp16")]
    texts += [candidate("in pieces", depth=136, descriptors=1)[0], candidate("b by depth")[0]]
    assert "make_tensor_descriptor" in texts[3]
    structures = [structure(text, Dialect.TRITON) for text in texts]
    assert structures[0] == structures[1] == structures[2] == structures[3] != structures[4]
    assert any("split j by depth" in line for line in structures[0])
    assert [static_flags(Candidate(text, Dialect.TRITON).source) for text in texts] == [()] * 5
