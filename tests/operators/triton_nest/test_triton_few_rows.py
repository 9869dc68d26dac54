"""Defaults for few short rows, which networks have at small sizes: no principle's constraint is broken."""

import pytest

pytest.importorskip("triton")

import torch
from interpreted import case, check, structures

from egg_search.core.candidate import Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from operators import registry
from operators.authors.expert.author import ExpertAuthor
from operators.base import Brief, Draft

GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536, capability=90)
FEW = {
    "short rows": ("torch.softmax(x, -1)", lambda x: torch.softmax(x, -1), (1, 3, 5)),
    "a sum of short rows": ("x.sum(-1)", lambda x: x.sum(-1), (2, 4)),
    "average of all": ("x.mean((2, 3))", lambda x: x.mean((2, 3)), (2, 2, 2, 2)),
    "few windows": ("torch.nn.functional.max_pool2d(x, 2)", lambda x: torch.max_pool2d(x, 2), (1, 2, 4, 4)),
}


@pytest.mark.parametrize("name", FEW)
def test_no_draft_is_refused(name):
    text, _, shape = FEW[name]
    source = f"""
import torch
class Model(torch.nn.Module):
    def forward(self, x):
        return {text}
def get_inputs():
    return [torch.randn({shape})]
def get_init_inputs():
    return []
"""
    brief = Brief("seed", Problem("few", source), GPU, Dialect.TRITON, seed=0, limit=8)
    drafts = list(registry["seed"].propose(brief, ExpertAuthor()))
    assert drafts and all(isinstance(draft, Draft) for draft in drafts)


def test_results_are_right(tmp_path):
    cases = {}
    for name, (_, function, shape) in FEW.items():
        x = torch.randn(shape)
        cases |= {f"{name} {choices}": case(function, x, choices=choices) for choices in structures(function, x)}
    check(tmp_path, cases)
