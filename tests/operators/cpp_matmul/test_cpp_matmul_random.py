import torch
from contraction_kernels import check, hardware, whole_kernel, with_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.authors.expert.cpp.matmul import MatmulGenerator
from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.terms import Terms, torch_dtype

GENERATOR = MatmulGenerator()
size = st.one_of(st.integers(1, 9), st.integers(10, 70), st.sampled_from([64, 96, 100, 129]))
BATCHES = st.sampled_from(
    [((), ()), ((3,), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((1, 4), ())]
)


@st.composite
def graphs(draw):
    """A product with random batches, orders in memory, element types, prologues and epilogues, and its inputs."""
    t, inputs = Terms(), []
    m, n, k = draw(size), draw(size), draw(size)
    left, right = draw(BATCHES)

    def leaf(shape, dtype=DType.F32):
        given = torch.randn(shape) if dtype.is_float else torch.randint(-9, 9, shape)
        inputs.append(given.to(torch_dtype(dtype)))
        return t.input(len(inputs) - 1, TensorType(dtype, tuple(shape)))

    def factor(batch, rows, columns):
        dtype = draw(st.sampled_from([DType.F32, DType.F32, DType.I8, DType.F16]))
        rank = len(batch) + 2
        dims = draw(
            st.sampled_from([list(range(rank)), [*range(rank - 2), rank - 1, rank - 2], list(range(rank))[::-1]])
        )
        shape = [0] * rank
        for axis, length in zip(dims, (*batch, rows, columns), strict=True):
            shape[axis] = length
        x = leaf(shape, dtype).permute(dims).cast(DType.F32)
        match draw(st.sampled_from(["plain", "plain", "relu", "scale", "tril", "triu"])):
            case "relu":
                return x.max(0.0)
            case "scale":
                return x * leaf((rows, 1)) * 0.5
            case "tril" | "triu" as side:
                i, j = t.iota((rows, columns), 0), t.iota((rows, columns), 1)
                return t.where(i.map("ge" if side == "tril" else "le", j + draw(st.integers(-3, 3))), x, 0.0)
        return x

    y = factor(left, m, k).dot(factor(right, k, n))
    results = []
    for step in draw(
        st.lists(st.sampled_from(["bias", "act", "keep", "turn", "row", "residual", "heads"]), max_size=4)
    ):
        if step == "bias":
            y = y + leaf((y.shape[-1],))
        elif step == "act":
            y = y.map("sigmoid") * y
        elif step == "keep":
            results.append(y)
        elif step == "turn":
            y = y.permute((*range(y.rank - 2), y.rank - 1, y.rank - 2)) * 2.0
        elif step == "row":
            y = y * leaf((y.shape[-2], 1))
        elif step == "residual":
            y = y + leaf(y.shape)
        elif y.shape[-1] % 2 == 0:
            y = y.reshape((*y.shape[:-1], 2, y.shape[-1] // 2)).permute((*range(y.rank - 1), y.rank, y.rank - 1)) + 1.0
    results.append(y)
    return t.builder.finish([r.id for r in dict.fromkeys(results)]), inputs


@given(st.data())
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_product_in_any_structure_and_schedule(data):
    graph, inputs = data.draw(graphs())
    nodes = tuple(n.id for n in graph.nodes if n.op not in ("input", "state"))
    outputs = tuple(graph.results)
    assert GENERATOR.supports(graph, nodes, outputs)
    choices = data.draw(st.sampled_from(GENERATOR.structures(graph, nodes, outputs)))
    kernel = whole_kernel(GENERATOR, graph, choices)
    values = {
        name: data.draw(st.sampled_from(options), label=name)
        for name, options in {
            "mr": (1, 4, 6), "nr": (1, 2), "mc": (5, 24, 96), "nc": (16, 64, 256), "kc": (7, 32, 512),
            "grid": ("m", "n", "mn"), "dynamic": (0, 1), "prefetch": (0, 8), "rows": (1, 2, 4), "chunk": (8, 64, 256),
            "split_k": (1, min(3, _depth(graph))),
        }.items()
    }  # fmt: skip
    offered = GENERATOR.schedule(graph, kernel, hardware())
    for name in ("pack_a", "pack_b") if "pack_a" in offered else ():
        values[name] = data.draw(st.sampled_from(offered[name].choices), label=name)
    code = GENERATOR.emit(graph, with_values(kernel, values), "k0")
    check(graph, code, inputs, tolerance=5e-6)


def _depth(graph):
    (dot,) = (n for n in graph.nodes if n.op == "dot")
    return graph[dot.inputs[0]].shape[-1]
