import torch
from contraction_kernels import check, hardware, whole_kernel, with_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.authors.expert.cpp.conv import ConvGenerator
from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.terms import Terms

GENERATOR = ConvGenerator()


def conv(t, x, w, stride, padding, dilation, groups):
    """A `conv` node."""
    taps = zip(x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)
    out = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in taps)
    shape = (x.shape[0], w.shape[0], *out)
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return t.add("conv", [x, w], TensorType(DType.F32, shape), **attrs)


@st.composite
def graphs(draw):
    """A random convolution in one to three dimensions with a prologue and an epilogue, and its inputs."""
    t, inputs = Terms(), []

    def leaf(*shape):
        inputs.append(torch.randn(shape))
        return t.input(len(inputs) - 1, TensorType(DType.F32, tuple(shape)))

    rank = draw(st.sampled_from([1, 2, 2, 2, 3]))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels, rows = (groups * draw(st.integers(1, 5)) for _ in range(2))
    kernel, stride, padding, dilation = (
        tuple(draw(st.integers(low, high)) for _ in range(rank)) for low, high in ((1, 4), (1, 3), (0, 2), (1, 2))
    )
    if draw(st.booleans()):
        stride, padding, dilation = (1,) * rank, (0,) * rank, (1,) * rank
    most = 40 if rank == 1 else 14 if rank == 2 else 7
    taps = zip(kernel, padding, dilation, strict=True)
    size = tuple(draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), most)) for k, p, d in taps)
    x, w = leaf(draw(st.integers(1, 3)), channels, *size), leaf(rows, channels // groups, *kernel)
    if draw(st.booleans()):
        x = x.max(0.0)
    y = conv(t, x, w, stride, padding, dilation, groups)
    for step in draw(st.lists(st.sampled_from(["bias", "act", "residual", "last"]), max_size=3, unique=True)):
        if step == "bias":
            y = y + leaf(rows, *(1,) * rank)
        elif step == "act":
            y = y.map("sigmoid") * y
        elif step == "residual":
            y = y + leaf(*y.shape)
        else:
            y = y.permute((0, *range(2, rank + 2), 1)) * leaf(rows)
            break
    return t.builder.finish([y.id]), inputs


@given(st.data())
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_convolution_in_any_structure_and_schedule(data):
    graph, inputs = data.draw(graphs())
    nodes = tuple(n.id for n in graph.nodes if n.op not in ("input", "state"))
    assert GENERATOR.supports(graph, nodes, graph.results)
    choices = data.draw(st.sampled_from(GENERATOR.structures(graph, nodes, graph.results)))
    kernel = whole_kernel(GENERATOR, graph, choices)
    depth = GENERATOR.facts(graph, kernel, None)["k"]
    offered = GENERATOR.schedule(graph, kernel, hardware())
    options = {
        "mr": (1, 4), "nr": (1, 2), "mc": (3, 24), "nc": (16, 64), "kc": (7, 32, 512), "grid": ("m", "n", "mn"),
        "dynamic": (0, 1), "split_k": (1, min(2, depth)),
        "pack_a": offered["pack_a"].choices, "pack_b": offered["pack_b"].choices,
    }  # fmt: skip
    values = {name: data.draw(st.sampled_from(each), label=name) for name, each in options.items()}
    check(graph, GENERATOR.emit(graph, with_values(kernel, values), "k0"), inputs, tolerance=5e-6)
