"""Triton convolutions as whole candidates: levers leave the signature alone, structures do not, and advice exists."""

from dataclasses import replace
from functools import cache
from itertools import islice

import pytest

pytest.importorskip("triton")

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.core.signature import structure
from operators.authors.expert.cpp.dialect import CppDialect
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.session import Session
from operators.authors.expert.structures.seeds import FUSIONS, seed_plans
from operators.authors.expert.triton.dialect import TritonDialect
from principles import load

GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536)
CPU = Hardware("cpu", "any", 8, 32, 48 << 10, 1 << 20, 32 << 20, 1 << 34)
SOURCE = """
import torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.{layer}
    def forward(self, x):
        return torch.nn.functional.gelu(self.layer(x))
def get_inputs():
    return [torch.randn({shape})]
def get_init_inputs():
    return []
"""
LAYERS = {
    "wide": ("Conv2d(64, 96, 3, padding=1)", "4, 64, 40, 40"),
    "stem": ("Conv2d(3, 64, 7, stride=2, padding=3)", "4, 3, 64, 64"),
    "split": ("Conv2d(256, 128, 3, padding=1)", "1, 256, 7, 7"),
    "depthwise": ("Conv1d(64, 128, 5, padding=2, groups=64)", "4, 64, 500"),
    "transposed": ("ConvTranspose2d(64, 32, 4, stride=2, padding=1)", "4, 64, 16, 16"),
    "volume": ("Conv3d(24, 16, 3, padding=1)", "2, 24, 8, 12, 12"),
}
FAVOURITES = {
    "wide": {"convolution": "implicit", "product": "tiled", "depth": "tap by tap", "layout": "channels last"},
    "stem": {"convolution": "implicit", "product": "tiled", "depth": "at once", "layout": "as given"},
    "split": {"convolution": "implicit", "product": "split", "depth": "tap by tap", "layout": "channels last"},
    "depthwise": {"convolution": "direct"},
    "transposed": {"convolution": "implicit", "product": "tiled", "depth": "tap by tap", "layout": "channels last"},
    "volume": {"convolution": "implicit", "product": "tiled", "depth": "tap by tap", "layout": "channels last"},
}


def session(name, dialect=TritonDialect, hardware=GPU):
    layer, shape = LAYERS[name]
    return Session(Problem("small", SOURCE.format(layer=layer, shape=shape)), dialect(), hardware)


@cache
def plans(name):
    made = session(name)
    found = (plan for plan, _, _ in seed_plans(made.captured, designer(made, load())))
    return made, [plan for plan in islice(found, 8) if any(k.kind == "conv" for k in plan.kernels)]


def changed(plan, at, kernel):
    return replace(plan, kernels=(*plan.kernels[:at], kernel, *plan.kernels[at + 1 :]))


@pytest.mark.parametrize("name", LAYERS)
def test_all_around_a_convolution_is_one_kernel_of_the_favoured_structure(name):
    _, (favourite, *_) = plans(name)
    (kernel,) = favourite.kernels
    assert (kernel.kind, dict(kernel.choices)) == ("conv", FAVOURITES[name])


@pytest.mark.parametrize("name", LAYERS)
def test_no_decision_moves_the_signature_and_every_structure_has_its_own(name):
    made, found = plans(name)
    seen = set()
    for plan in found:
        expected = structure(made.text(plan, "base"), Dialect.TRITON)
        assert expected not in seen
        seen.add(expected)
    plan = found[0]
    expected = structure(made.text(plan, "base"), Dialect.TRITON)
    (at,) = (i for i, kernel in enumerate(plan.kernels) if kernel.kind == "conv")
    kernel = plan.kernels[at]
    offered = made.dialect.generators["conv"].schedule(made.graph(plan.rewrites), kernel, GPU)
    for decision in offered.values():
        for value in decision.choices if name == "wide" else decision.choices[-2:]:
            other = replace(kernel, schedule={**kernel.schedule, decision.name: replace(decision, value=value)})
            text = made.text(changed(plan, at, other), "changed")
            assert structure(text, Dialect.TRITON) == expected, (decision.name, value)
        assert len({decision.value, *decision.choices}) < 2 or decision.name in {
            k.role for k in Candidate(text, Dialect.TRITON).knobs.values()
        }


@pytest.mark.parametrize("name", LAYERS)
def test_the_experts_defaults_break_no_constraint(name):
    made, found = plans(name)
    for plan in found:
        assert load().violations(Candidate(made.text(plan, "seed"), Dialect.TRITON), {}, GPU) == []


@pytest.mark.parametrize("name", ["wide", "depthwise"])
def test_levers_find_advice_for_a_convolution(name):
    made, found = plans(name)
    facts = Candidate(made.text(found[0], "seed"), Dialect.TRITON).facts
    groups = {each.group for each, _ in load().applicable(facts, GPU, Dialect.TRITON)}
    wanted = {"tiling", "staging", "precision"} if name == "wide" else {"tiling"}
    assert wanted <= groups


def test_transposed_convolutions_stay_with_torch_in_cpp():
    made = session("transposed", CppDialect, CPU)
    plan = designer(made, load()).plan(made.captured, (), FUSIONS[0])
    kinds = {made.captured[n].op: kernel.kind for kernel in plan.kernels for n in kernel.nodes}
    assert kinds["conv_transpose"] == "library"
    assert "torch.conv_transpose2d(" in made.text(plan, "seed")
