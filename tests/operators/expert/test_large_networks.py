"""What keeps networks of hundreds of nodes usable: nothing is worked out before it is wanted, or twice."""

import pytest
import torch

from egg_search.core.hardware import Hardware
from operators.authors.expert.capture import capture
from operators.authors.expert.cpp.dialect import CppDialect
from operators.authors.expert.kernels.expr import Unsupported
from operators.authors.expert.kernels.nest import trace
from operators.authors.expert.rewrites import sum_of_product
from operators.authors.expert.structures.clusters import Clusters
from operators.authors.expert.structures.designer import Designer
from operators.authors.expert.structures.seeds import FUSIONS, seed_plans

CPU = Hardware("cpu", "any", 8, 32, 48 << 10, 1 << 20, 32 << 20, 1 << 34)


class Perceptron(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Softmax(-1), torch.nn.Linear(8, 8))

    def forward(self, x):
        return self.layers(x)


class Summed(Perceptron):
    def forward(self, x):
        return self.layers(x).sum(-1)


GRAPH = capture(Perceptron(), [torch.randn(4, 8)])


class Watched:
    """A designer that notes the rules it was asked to cut by."""

    def __init__(self, designer):
        self.designer, self.rules = designer, []

    def plan(self, graph, rewrites, fusion):
        self.rules.append(fusion)
        return self.designer.plan(graph, rewrites, fusion)

    def __getattr__(self, name):
        return getattr(self.designer, name)


def test_the_first_plan_waits_for_no_other_rule():
    designer = Watched(Designer(CppDialect().generators, CPU))
    plans = seed_plans(GRAPH, designer)
    assert next(plans)[0].fusion == FUSIONS[0].name
    assert designer.rules == [FUSIONS[0]]
    assert len(list(plans)) > 1
    assert set(designer.rules) == set(FUSIONS)


def test_what_cannot_be_a_nest_is_found_out_once(monkeypatch):
    (product, *_) = (node.id for node in GRAPH.nodes if node.op == "dot")
    asked = []
    monkeypatch.setattr(trace, "analyse", lambda *given: asked.append(given) or _raise())
    for _ in range(2):
        with pytest.raises(Unsupported, match="no rows"):
            trace.planned(GRAPH, (product,), (product,))
    assert len(asked) == 1


def test_sums_that_reach_no_product_are_not_tried(monkeypatch):
    asked = []
    monkeypatch.setattr(sum_of_product, "replay", lambda graph, visit: asked.append(graph) or graph)
    sum_of_product.apply(capture(torch.nn.BatchNorm1d(8), [torch.randn(4, 8)]))
    assert not asked
    sum_of_product.apply(capture(Summed(), [torch.randn(4, 8)]))
    assert asked


def test_clusters_look_for_their_sources_once(monkeypatch):
    clusters, asked = Clusters(GRAPH), []
    found = {c: clusters.sources(c) for c in clusters.members}
    looked_for = Clusters._stored_inputs
    monkeypatch.setattr(Clusters, "_stored_inputs", lambda *given: asked.append(given[1]) or looked_for(*given))
    assert {c: clusters.sources(c) for c in clusters.members} == found and not asked
    a, b = next((source, c) for c, sources in found.items() for source in sources)
    clusters.merge(a, b)
    assert clusters.sources(a) == {c: None for c in [*found[a], *found[b]] if c != a} and asked


def _raise():
    raise Unsupported("no rows")
