"""Plans as text, and how a graph is cut into kernels."""

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import given

from egg_search.core.knobs import Lever
from operators.authors.expert.emit.plan_text import read_plan, write_plan
from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.terms import Terms
from operators.authors.expert.plan import Decision, KernelPlan, Plan
from operators.authors.expert.structures.clusters import Clusters
from operators.authors.expert.structures.partition import Fusion, Partitioner

NAMES = st.sampled_from(["unroll", "vec", "parallel", "rows_per_task"])
VALUES = st.one_of(st.integers(-9, 999), st.sampled_from(["rows", "split"]), st.booleans())
DECISIONS = st.builds(Decision, NAMES, st.sampled_from(list(Lever)), VALUES, st.lists(VALUES, max_size=4).map(tuple))
IDS = st.lists(st.integers(0, 99), max_size=5).map(tuple)
KERNELS = st.builds(
    KernelPlan,
    st.sampled_from(["nest", "matmul", "library"]),
    IDS,
    IDS,
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.lists(DECISIONS, max_size=4).map(lambda found: {d.name: d for d in found}),
)
PLANS = st.builds(Plan, st.lists(NAMES, max_size=2).map(tuple), st.lists(KERNELS, max_size=4).map(tuple), NAMES)


@given(PLANS)
def test_a_plan_survives_its_text(plan):
    assert read_plan(f"import torch\n{write_plan(plan)}\nclass ModelNew: pass\n") == plan


def test_a_configuration_becomes_the_plans_values():
    decision = Decision("unroll", Lever.TILING, 2, (1, 2, 4))
    plan = Plan((), (KernelPlan("nest", (1,), (1,), {}, {"unroll": decision}),))
    changed = read_plan(write_plan(plan), {"K0_UNROLL": 4})
    assert changed.kernels[0].schedule["unroll"] == replace(decision, value=4)


class AnyMaps:
    """A generator that takes whatever has at most one reduction."""

    kind = "nest"

    def supports(self, graph, nodes, outputs):
        return sum(graph[n].op == "reduce" for n in nodes) <= 1


def diamond():
    """x -> a -> (sum b, exp c) -> c / b: four computing nodes of which only one is a reduction."""
    t = Terms()
    x = t.input(0, TensorType(DType.F32, (4, 8)))
    a = t.map("tanh", x)
    b = a.terms.add("reduce", (a,), TensorType(DType.F32, (4, 1)), op="sum", axes=(1,))
    c = t.map("exp", a)
    return t.builder.finish([t.map("div", c, b).id])


def test_a_diamond_becomes_one_kernel():
    kernels = Partitioner(diamond(), {"nest": AnyMaps()}, Fusion("all")).kernels()
    assert [(k.kind, len(k.outputs)) for k in kernels] == [("nest", 1)]


def test_fusion_up_to_reductions_stops_there():
    kernels = Partitioner(diamond(), {"nest": AnyMaps()}, Fusion("cut", reductions=False, siblings=False)).kernels()
    assert len(kernels) == 2
    assert all(set(k.outputs) <= set(k.nodes) for k in kernels)


class AnyReductions:
    """A generator that takes everything."""

    kind = "nest"

    def supports(self, graph, nodes, outputs):
        return True


def test_statistics_end_a_kernel_and_what_is_centred_is_computed_twice():
    t = Terms()
    x = t.input(0, TensorType(DType.F32, (4, 64)))
    mean = x.terms.add("reduce", (x,), TensorType(DType.F32, (4, 1)), op="sum", axes=(1,))
    away = t.map("sub", x, mean)
    spread = x.terms.add("reduce", (t.map("mul", away, away),), TensorType(DType.F32, (4, 1)), op="sum", axes=(1,))
    scaled = t.map("tanh", t.map("div", away, spread))
    most = x.terms.add("reduce", (scaled,), TensorType(DType.F32, (1, 64)), op="max", axes=(0,))
    graph = t.builder.finish([most.id])
    first, second = Partitioner(graph, {"nest": AnyReductions()}, Fusion("apart", statistics=True)).kernels()
    assert set(first.outputs) == {mean.id, spread.id} and set(second.outputs) == {most.id}
    assert away.id in first.nodes and away.id in second.nodes
    assert len(Partitioner(graph, {"nest": AnyReductions()}, Fusion("all")).kernels()) == 1


def test_every_result_is_made_once_and_before_it_is_read():
    graph = diamond()
    rules = Fusion("all"), Fusion("none", False, False, False), Fusion("apart", statistics=True)
    for fusion in (*rules, Fusion("torch", library=frozenset(["nest"]))):
        made = {n.id for n in graph.nodes if n.op in ("input", "state")}
        for kernel in Partitioner(graph, {"nest": AnyMaps()}, fusion).kernels():
            reads = {i for n in kernel.nodes for i in graph[n].inputs} - set(kernel.nodes)
            assert reads <= made
            assert not made & set(kernel.outputs)
            made |= set(kernel.outputs)
        assert set(graph.results) <= made


def test_merging_never_makes_a_cycle():
    graph = diamond()
    clusters = Clusters(graph)
    tanh, total, power, quotient = sorted(clusters.members)
    assert clusters.would_cycle(tanh, quotient)
    assert not clusters.would_cycle(tanh, total)
    clusters.merge(tanh, total)
    assert not clusters.would_cycle(power, quotient) or clusters.would_cycle(tanh, quotient)


def test_a_view_of_an_input_costs_no_kernel():
    t = Terms()
    x = t.input(0, TensorType(DType.F32, (4, 8)))
    graph = t.builder.finish([t.add("permute", (x,), TensorType(DType.F32, (8, 4)), dims=(1, 0)).id])
    kernels = Partitioner(graph, {"nest": AnyMaps()}, Fusion("all")).kernels()
    assert [k.kind for k in kernels] == ["library"]
