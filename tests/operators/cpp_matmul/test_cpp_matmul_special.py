"""What random products rarely meet: infinities, triangles, refusals, and the schedule on other machines."""

from dataclasses import replace

import pytest
import torch
from contraction_kernels import check, hardware, run, whole_kernel, with_values

from operators.authors.expert.cpp.matmul import MatmulGenerator
from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.terms import Terms
from operators.authors.expert.kernels.matmul.triangle import Triangle, triangle

GENERATOR = MatmulGenerator()


def f32(*shape):
    return TensorType(DType.F32, shape)


def nodes_of(graph):
    return tuple(n.id for n in graph.nodes if n.op not in ("input", "state"))


def structures(graph):
    return GENERATOR.structures(graph, nodes_of(graph), graph.results)


def triangular(lower_a=True, diagonal=0, size=100):
    t = Terms()
    x, y = t.input(0, f32(size, size)), t.input(1, f32(size, size))
    i, j = t.iota((size, size), 0), t.iota((size, size), 1)
    a = t.where((i + diagonal).map("ge" if lower_a else "le", j), x, 0.0)
    b = y * i.map("ge", j).cast(DType.F32)
    return t.builder.finish([a.dot(b).id]), a, b


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("diagonal", [0, 5, -7])
def test_zeros_beside_a_diagonal_are_skipped_only_where_nothing_is_infinite(lower, diagonal):
    graph, _, _ = triangular(lower, diagonal)
    (dot,) = (n for n in graph.nodes if n.op == "dot")
    assert triangle(graph, dot.inputs[0]) == Triangle(lower, diagonal)
    assert triangle(graph, dot.inputs[1]) == Triangle(True, 0)
    choices = structures(graph)[0]
    assert choices == {"product": "packed", "zeros": "skipped"}
    # Values that no principle would give: zeros may still be skipped only in factors that were looked at.
    values = {"mr": 4, "nr": 1, "mc": 8, "nc": 32, "kc": 20, "pack_a": 0, "pack_b": 2}
    code = GENERATOR.emit(graph, with_values(whole_kernel(GENERATOR, graph, choices), values), "k0")
    inputs = [torch.randn(100, 100) for _ in range(2)]
    check(graph, code, inputs)
    for which, value in ((0, torch.inf), (1, torch.nan)):
        spoiled = [x.clone() for x in inputs]
        spoiled[which][50, 50] = value
        check(graph, code, spoiled)


def test_triangles_are_recognised_at_any_size_by_how_they_are_computed():
    graph, _, _ = triangular(False, 3, size=100_000)
    (dot,) = (n for n in graph.nodes if n.op == "dot")
    assert [triangle(graph, i) for i in dot.inputs] == [Triangle(False, 3), Triangle(True, 0)]


@pytest.mark.parametrize("shape", [(30, 40, 50), (1, 300, 70), (70, 300, 1), (3, 100, 129)])
def test_infinities_and_nan_arrive_where_they_belong(shape):
    m, k, n = shape
    t = Terms()
    y = t.input(0, f32(m, k)).dot(t.input(1, f32(n, k)).permute((1, 0))).max(0.0)
    graph = t.builder.finish([y.id])
    a, b = torch.randn(m, k), torch.randn(n, k)
    a[0, k - 1], b[n - 1, 0] = torch.inf, torch.nan
    for choices in structures(graph):
        check(graph, GENERATOR.emit(graph, whole_kernel(GENERATOR, graph, choices), "k0"), [a, b])


def test_results_are_the_same_on_every_call():
    t = Terms()
    graph = t.builder.finish([t.input(0, f32(20, 4000)).dot(t.input(1, f32(4000, 24))).id])
    inputs = [torch.randn(20, 4000), torch.randn(4000, 24)]
    code = GENERATOR.emit(graph, with_values(whole_kernel(GENERATOR, graph), {"split_k": 4}), "k0")
    first = run(graph, code, inputs)[0]
    assert all(torch.equal(first, run(graph, code, inputs)[0]) for _ in range(5))


def test_only_one_float_product_with_elementwise_work_is_supported():
    t = Terms()
    x, w = t.input(0, f32(8, 8)), t.input(1, f32(8, 8))
    once = x.dot(w)
    refused = {
        "two products": once.dot(w),
        "a reduction": once.reduce("sum", 1),
        "a reduction before": x.reduce("sum", 1, keep=True).broadcast((8, 8)).dot(w),
        "spread": once.broadcast((3, 8, 8)) + 1.0,
        "transposed with itself": once + once.permute((1, 0)),
        "float64": x.cast(DType.F64).dot(w.cast(DType.F64)),
        "no product": x + w,
    }
    for why, term in refused.items():
        graph = t.builder.finish([term.id])
        assert not GENERATOR.supports(graph, nodes_of(graph), graph.results), why


def test_schedules_fit_the_registers_of_either_vector_width():
    t = Terms()
    graph = t.builder.finish([t.input(0, f32(500, 300)).dot(t.input(1, f32(300, 700))).id])
    for width, registers in ((64, 32), (32, 16)):
        kernel = whole_kernel(GENERATOR, graph)
        machine = replace(hardware(), vector_bytes=width, cores=16)
        schedule = GENERATOR.schedule(graph, kernel, machine)
        mr, nr = schedule["mr"].value, schedule["nr"].value
        assert mr * nr + nr + 1 < registers and mr * nr >= 8
        kernel = replace(kernel, schedule={n: replace(d, choices=()) for n, d in schedule.items()})
        check(graph, GENERATOR.emit(graph, kernel, "k0"), [torch.randn(500, 300), torch.randn(300, 700)])


def test_open_decisions_become_knobs():
    t = Terms()
    graph = t.builder.finish([t.input(0, f32(50, 30)).dot(t.input(1, f32(30, 70))).id])
    kernel = whole_kernel(GENERATOR, graph)
    opened = replace(kernel, schedule={**kernel.schedule, "kc": replace(kernel.schedule["kc"], choices=(16, 30))})
    code = GENERATOR.emit(graph, opened, "k3")
    assert [k.name for k in code.knobs] == ["K3_KC"] and "#define K3_KC" not in code.source
    assert 'extern "C" void k3(' in code.source
