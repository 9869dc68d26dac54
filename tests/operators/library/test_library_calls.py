"""What a GPU's candidate leaves to torch: its precision, its memory format, and how it is told apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from library_sessions import AROUND, CPU, GPU, changed, plan, problem, session

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.problem import Problem
from egg_search.core.signature import structure
from egg_search.core.verdict import PrecisionClass
from operators.authors.expert.cpp.dialect import CppDialect
from operators.authors.expert.emit.plan_text import read_plan
from operators.authors.expert.library.text import TF32
from operators.authors.expert.moves import repair, stage_two
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.session import Session
from operators.authors.expert.structures.partition import LIBRARY_KIND
from operators.authors.expert.structures.seeds import seed_plans
from operators.authors.expert.triton.dialect import TritonDialect
from operators.base import Brief
from principles import load

WITH_PRODUCTS = ("convolutions", "product", "recurrent")


def tf32(of, base, number=0):
    """The decision, open for tuning."""
    kernel = base.kernels[number]
    return of.dialect.generators[LIBRARY_KIND].schedule(of.captured, kernel, GPU)["tf32"]


@pytest.mark.parametrize("name", WITH_PRODUCTS)
def test_products_are_strict_float32_unless_told_otherwise(name):
    of = session(name)
    text = of.text(plan(of), "strict")
    calls = [line.strip() for line in text.splitlines() if "torch.conv2d(" in line or "torch.matmul(" in line]
    calls += [line.strip() for line in text.splitlines() if "torch.ops.aten.lstm" in line]
    strict, original = "with _EggTf32(False):", "return super().forward"
    assert calls and text.count(strict) - text.count(f"{strict}\n                {original}") == len(calls)
    assert Candidate(text, Dialect.TRITON).knobs == {}


@pytest.mark.parametrize("name", WITH_PRODUCTS)
def test_the_precision_of_a_call_is_a_knob_and_no_structure(name):
    of = session(name)
    base = plan(of)
    text = of.text(changed(base, 0, tf32=tf32(of, base)), "open")
    (knob,) = Candidate(text, Dialect.TRITON).knobs.values()
    assert (knob.name, knob.lever, knob.default, set(knob.choices)) == ("K0_TF32", "precision", False, {False, True})
    assert "with _EggTf32(K0_TF32):" in text
    bound = read_plan(text, {"K0_TF32": True}).kernels[0].schedule["tf32"]
    assert bound.value is True
    expected = structure(of.text(base, "base"), Dialect.TRITON)
    assert structure(text, Dialect.TRITON) == expected
    wide = replace(tf32(of, base), value=True, choices=())
    assert structure(of.text(changed(base, 0, tf32=wide), "wide"), Dialect.TRITON) == expected


def test_the_lever_precision_opens_it():
    of = session("product")
    base = plan(of)
    (advice,) = [p for p in load() if p.name == "library-tf32"]
    brief = Brief(
        "precision", problem("product"), GPU, Dialect.TRITON, seed=0, limit=1, lever="precision", principles=(advice,)
    )
    ((opened, _, followed),) = stage_two.plans(of, base, brief)
    assert followed == ("library-tf32",)
    assert set(Candidate(of.text(opened, "open"), Dialect.TRITON).knobs) == {"K0_TF32", "K2_TF32"}


def test_what_repair_leaves_to_torch_is_strict_too():
    of = session("product")
    base = designer(of, load()).plan(of.captured, (), replace(AROUND, library=frozenset()))
    assert base.kernels[0].kind == "matmul"
    brief = Brief("repair", problem("product"), GPU, Dialect.TRITON, seed=0, limit=1)
    repaired = next(iter(repair.plans(of, base, brief)))[0]
    assert "with _EggTf32(False):" in of.text(repaired, "repaired")


def test_the_setting_is_put_back_after_an_error_too():
    scope = {"torch": torch}
    exec(TF32, scope)  # the candidates' own text
    settings = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [each.allow_tf32 for each in settings]
    for allowed in (False, True):
        with pytest.raises(KeyError), scope["_EggTf32"](allowed):
            assert [each.allow_tf32 for each in settings] == [allowed, allowed]
            raise KeyError
        assert [each.allow_tf32 for each in settings] == before


def test_convolutions_may_have_channels_last_one_by_one_or_all():
    of = session("convolutions")
    base = plan(of)
    found = {told: other for other, told in designer(of, load()).alternatives(of.captured, base)}
    all_ = found["all library calls with layout channels_last"]
    text = of.text(all_, "all")
    assert text.count(".to(memory_format=torch.channels_last)") == 4
    # Weights are turned once, and images made dense only for what is generated.
    assert text.count("self._egg_keep('") == 2
    assert text.count("_egg_dense(t") == 2 and "def _egg_marks" in text
    signatures = {structure(of.text(other, "it"), Dialect.TRITON) for other in (base, *found.values())}
    assert len(signatures) == len(found) + 1
    assert read_plan(text).kernels == all_.kernels


_PERCEPTRON = """
import torch
from torch import nn
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(1024, 512), nn.Linear(512, 1024)
    def forward(self, x):
        return self.second(torch.relu(self.first(x)))
def get_inputs():
    return [torch.randn(4096, 1024)]
def get_init_inputs():
    return []
"""


def test_products_may_all_be_as_exact_as_the_search_accepts():
    of, library = Session(Problem("a perceptron", _PERCEPTRON), TritonDialect(), GPU), load()
    brief = Brief("seed", of.problem, GPU, Dialect.TRITON, 1, library=library, accept=PrecisionClass.TF32)
    exact, coarse = designer(of, library), designer(of, library, brief)
    base = coarse.plan(of.captured, (), replace(AROUND, library=frozenset()))
    alike = [base, *(other for other, told in coarse.alternatives(of.captured, base) if told.startswith("all "))]
    layouts = [{kernel.choices["layout"] for kernel in each.kernels if kernel.kind == "matmul"} for each in alike]
    assert {"in one piece"} in layouts and {"in pieces"} in layouts and all(len(each) == 1 for each in layouts)
    around = [made.plan(of.captured, (), AROUND) for made in (exact, coarse)]
    tf32 = [[k.schedule["tf32"] for k in each.kernels if k.schedule.get("tf32")] for each in around]
    assert {(d.value, d.choices) for d in tf32[0]} == {(False, ())}
    assert {(d.value, d.choices) for d in tf32[1]} == {(True, (False, True))}


def test_channels_last_compute_the_same_on_a_cpu_too():
    of = session("convolutions")
    base = plan(of)
    alternatives = designer(of, load()).alternatives(of.captured, base)
    all_ = next(other for other, told in alternatives if told.startswith("all library calls"))
    text = of.text(all_, "all")
    lines = text[text.index("def _egg_same") :].replace("_EGG_DEVICE", "'cpu'")
    # Stop where the generated kernel begins.
    (after,) = all_.kernels[1].outputs
    lines = lines.replace("        k2(", f"        return t{after}\n        k2(")
    scope = {"torch": torch}
    exec(f"{problem('convolutions').source}\n{lines}", scope)
    x = torch.randn(2, 8, 20, 20)
    with torch.no_grad():
        model = scope["ModelNew"]()
        result = model(x)
        assert result.is_contiguous()
        torch.testing.assert_close(result, model.second(model.first(x)), rtol=1e-5, atol=1e-5)
        model.first.weight.mul_(2)
        torch.testing.assert_close(model(x), model.second(model.first(x)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["convolutions", "product", "recurrent", "softmax"])
def test_candidates_for_cpus_know_none_of_this(name):
    of = session(name, CppDialect, CPU)
    for base, _, told in seed_plans(of.captured, designer(of, load())):
        text = of.text(base, told)
        assert not any(word in text for word in ("tf32", "channels_last", "graph", "_EggGraph", "launch"))
        assert all(not kernel.schedule for kernel in base.kernels if kernel.kind == LIBRARY_KIND)


def test_a_library_call_alone_is_a_seed_on_a_gpu():
    of = session("product")
    kinds = [{k.kind for k in each.kernels} for each, _, _ in seed_plans(of.captured, designer(of, load()))]
    assert any(LIBRARY_KIND in found for found in kinds)
