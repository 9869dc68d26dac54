import pytest
import torch

from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.interpret import evaluate
from operators.authors.expert.ir.ops import BINARY, OPS, UNARY
from operators.authors.expert.ir.show import show
from operators.authors.expert.ir.terms import Terms
from operators.authors.expert.ir.torch_call import torch_expression

F32 = TensorType(DType.F32, (4, 6))


def every_op():
    """A graph in which each op occurs."""
    t = Terms()
    x, w = t.input(0, F32), t.state("w", F32)
    whole, flag = x.cast(DType.I32), x.map("gt", 0)
    unary = {"logical_not": flag, "bitwise_not": whole}
    results = [unary.get(op, x).map(op) for op in sorted(UNARY - {"cast"})]
    for op in BINARY:
        a, b = (flag, w.map("gt", 0)) if "logical" in op else (whole, whole + 1) if "bitwise" in op else (x, w)
        results.append(a.map(op, b))
    results += [
        t.where(flag, x, w),
        x.take(t.iota((3,), 0), 1),
        x.gather(t.iota((4, 2), 1), 1),
        x.dot(w.permute((1, 0))),
    ]
    results += [x.reshape((24,)), x.slice(1, 5, 1), x.slice(1, 1, 2, 3), x.flip([1]), x.pad((1, 0), (0, 2), -1.5)]
    results += [t.concat([x, w], 1), t.full(float("-inf"), F32), x.argreduce("max", 1)]
    results += [x.reduce(op, [0, 1]) for op in ("sum", "prod", "max", "min")] + [
        flag.reduce(op) for op in ("any", "all")
    ]
    results += [x.scan(op, 1, reverse) for op in ("sum", "prod", "max", "min") for reverse in (False, True)]
    image = x.reshape((1, 1, 4, 6))
    attrs = {"stride": (1, 1), "padding": (1, 0), "dilation": (1, 1), "groups": 1}
    results.append(t.add("conv", [image, w.reshape((1, 1, 4, 6))], TensorType(DType.F32, (1, 1, 3, 1)), **attrs))
    attrs = {**attrs, "output_padding": (0, 1), "stride": (1, 2)}
    turned = TensorType(DType.F32, (1, 1, 5, 17))
    results.append(t.add("conv_transpose", [image, w.reshape((1, 1, 4, 6))], turned, **attrs))
    results.append(image.window("max", (2, 2), (2, 2), (1, 1), (1, 1), (3, 4)))
    types = (TensorType(DType.F32, (4, 2)), TensorType(DType.I64, (4, 2)))
    call = {"target": "aten.topk.default", "args": (("node", 0), 2), "kwargs": {}, "results": types}
    both = t.add("library", [x], types[0], **call)
    results += [t.add("item", [both], type, index=i) for i, type in enumerate(types)]
    return t.builder.finish([r.id for r in results])


def test_every_op_reads_as_torch():
    graph = every_op()
    assert {node.op for node in graph.nodes} == OPS
    torch.manual_seed(0)
    evaluate(graph, [torch.randn(4, 6)], {"w": torch.rand(4, 6) + 0.5})  # checks each node's shape and dtype
    names = {node.id: f"t{node.id}" for node in graph.nodes}
    for node in graph.nodes:
        compile(torch_expression(graph, node, names), "expression", "eval")
    assert len(show(graph).splitlines()) == len(graph.nodes) + 1


@pytest.mark.parametrize("op", ["max", "sum"])
@pytest.mark.parametrize("padding", [(0, 0), (2, 1), (3, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_windows_mean_one_thing_however_they_are_written(op, padding, dilation):
    """Padding of more than half a kernel has no pooling in torch."""
    torch.manual_seed(0)
    t, data = Terms(), torch.randn(2, 5, 6)
    sizes = [(n + 2 * p - d * 2 - 1) // 2 + 1 for n, p, d in zip((5, 6), padding, dilation, strict=True)]
    x = t.input(0, TensorType(DType.F32, (2, 5, 6)))
    y = x.window(op, (3, 3), (2, 2), padding, dilation, sizes)
    graph = t.builder.finish([y.id])
    got = evaluate(graph, [data], {})[graph.outputs[0]]
    padded = torch.full((2, 20, 20), 0.0 if op == "sum" else float("-inf"))
    padded[:, 5:10, 5:11] = data
    for i in range(sizes[0]):
        for j in range(sizes[1]):
            rows = [5 - padding[0] + i * 2 + k * dilation[0] for k in range(3)]
            columns = [5 - padding[1] + j * 2 + k * dilation[1] for k in range(3)]
            part = padded[:, rows][:, :, columns]
            want = part.sum((1, 2)) if op == "sum" else part.amax((1, 2))
            torch.testing.assert_close(got[:, i, j], want)


def test_a_node_of_another_type_is_noticed():
    t = Terms()
    x = t.input(0, F32)
    wrong = t.add("exp", [x], TensorType(DType.F32, (6, 4)))
    with pytest.raises(AssertionError, match="exp"):
        evaluate(t.builder.finish([wrong.id]), [torch.ones(4, 6)], {})


def test_constants_are_made_where_they_are_wanted():
    t = Terms()
    graph = t.builder.finish([t.full(2.5, F32).id, t.iota((3, 2), 0).id])
    made = [node for node in graph.nodes if node.op in ("const", "iota")]
    for node in made:
        here, there = (eval(torch_expression(graph, node, {}, device)) for device in ("", "'meta'"))
        assert (here.device.type, there.device.type) == ("cpu", "meta")
        assert (here.shape, here.dtype) == (there.shape, there.dtype)
    assert {node.op for node in made} == {"const", "iota"}
