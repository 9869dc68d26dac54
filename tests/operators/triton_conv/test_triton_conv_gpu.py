"""Triton convolutions on a real GPU: every structure under its defaults, and every arithmetic, against float64.

`python test_triton_conv_gpu.py` prints times beside the library's.
"""

import importlib.util
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("triton")

import torch
import triton
from convolutions import Grammar, case, convolve, spread, structures, tensor

from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.interpret import interpret
from operators.authors.expert.ir.terms import Terms, torch_dtype

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")]
F32, F16, BF16 = DType.F32, DType.F16, DType.BF16
ERRORS = {"ieee": 4e-6, "tf32x3": 4e-6, "bf16x6": 4e-6, "bf16x3": 4e-5, "tf32": 5e-3}


def layer(dtype, x, w, turned=False, **settings):
    t = Terms()
    y = (spread if turned else convolve)(t.input(0, tensor(dtype, *x)), t.input(1, tensor(dtype, *w)), **settings)
    y = y + t.input(2, tensor(dtype, y.shape[1], *[1] * (y.rank - 2)))
    return t.builder.finish([y.max(0.0).id])


LAYERS = {
    "wide": layer(F32, (16, 128, 56, 56), (256, 128, 3, 3), padding=1),
    "wide half": layer(F16, (16, 128, 56, 56), (256, 128, 3, 3), padding=1),
    "wide bfloat16": layer(BF16, (16, 128, 56, 56), (256, 128, 3, 3), padding=1),
    "stem": layer(F32, (16, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3),
    "deep": layer(F32, (2, 512, 7, 7), (512, 512, 3, 3), padding=1),
    "grouped": layer(F32, (16, 256, 56, 56), (256, 8, 3, 3), padding=1, groups=32),
    "signal": layer(F32, (16, 64, 8192), (128, 64, 5), padding=4, dilation=2),
    "volume": layer(F32, (4, 32, 16, 32, 32), (64, 32, 3, 3, 3), padding=1),
    "depthwise": layer(F32, (32, 256, 56, 56), (256, 1, 3, 3), padding=1, groups=256),
    "transposed": layer(F32, (16, 128, 32, 32), (128, 64, 4, 4), turned=True, stride=2, padding=1),
    "transposed volume": layer(F32, (4, 32, 8, 16, 16), (32, 32, 3, 3, 3), turned=True, stride=2, padding=1, extra=1),
}


def launcher(one, folder):
    """A function of inputs on the GPU that returns outputs, in the graph's order."""
    path = Path(folder) / f"made{len(list(Path(folder).iterdir()))}.py"
    path.write_text(one.module)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    leaves = {n.id: n.attrs["position"] for n in one.graph.nodes if n.op == "input"}

    def call(inputs):
        types = [one.graph[o].type for o in one.code.writes]
        outputs = [torch.empty(t.shape, dtype=torch_dtype(t.dtype), device="cuda") for t in types]
        module.k0(*(inputs[leaves[i]] for i in one.code.reads), *outputs)
        found = dict(zip(one.code.writes, outputs, strict=True))
        return [found[o] for o in one.graph.results]

    return call


def drawn(graph):
    leaves = sorted((n for n in graph.nodes if n.op == "input"), key=lambda n: n.attrs["position"])
    return [torch.randn(n.shape, device="cuda").to(torch_dtype(n.dtype)) for n in leaves]


def errors(graph, inputs, results):
    """Of every result, the worst element relative to the largest."""
    x, w, b = (each.double() for each in inputs)
    node = next(n for n in graph.nodes if n.op in ("conv", "conv_transpose"))
    attrs, rank = node.attrs, len(node.shape) - 2
    if node.op == "conv":
        function, names = getattr(torch, f"conv{rank}d"), ("stride", "padding", "dilation", "groups")
    else:
        function, names = (
            getattr(torch, f"conv_transpose{rank}d"),
            ("stride", "padding", "output_padding", "groups", "dilation"),
        )
    truth = (function(x, w, None, *(attrs[name] for name in names)) + b).relu()
    return [((found.double() - truth).abs().max() / truth.abs().max()).item() for found in results]


@pytest.mark.parametrize("name", LAYERS)
def test_every_structure_agrees_with_float64(tmp_path, name):
    graph = LAYERS[name]
    inputs = drawn(graph)
    for choices in structures(graph):
        (error,) = errors(graph, inputs, launcher(case(graph, (), choices), tmp_path)(inputs))
        exact = inputs[0].dtype == torch.float32 and choices.get("layout") != "in one piece"
        assert error < (4e-6 if exact else 1e-2), (choices, error)


@pytest.mark.parametrize("precision", ERRORS)
def test_every_arithmetic_has_its_error(tmp_path, precision):
    for name in ("wide", "transposed"):
        graph = LAYERS[name]
        inputs = drawn(graph)
        choices = next(each for each in structures(graph) if each["layout"] == "channels last")
        one = case(graph, (), choices, input_precision=precision)
        (error,) = errors(graph, inputs, launcher(one, tmp_path)(inputs))
        assert error < ERRORS[precision], (name, error)


@pytest.mark.parametrize("seed", range(12))
def test_any_convolution_in_any_structure(tmp_path, seed):
    graph, inputs = Grammar(seed).graph()
    on_gpu = [x.cuda() for x in inputs]
    wide = interpret(graph, inputs, {})
    for choices in (each for each in structures(graph) if each.get("layout") != "in one piece"):
        for found, expected in zip(launcher(case(graph, inputs, choices), tmp_path)(on_gpu), wide, strict=True):
            torch.testing.assert_close(found.cpu(), expected, rtol=1e-4, atol=1e-4)


def main():
    """Milliseconds of every structure under its defaults, as float32 and as tf32, beside the library's."""
    for name, graph in LAYERS.items():
        inputs = drawn(graph)
        for tf32 in (False, True):
            torch.backends.cudnn.allow_tf32 = tf32
            expected = triton.testing.do_bench(lambda graph=graph, inputs=inputs: interpret(graph, inputs, {}))
            print(f"{name}: library {'tf32' if tf32 else 'float32'} {expected:.3f} ms, bias and ReLU apart", flush=True)
            for choices in structures(graph):
                with tempfile.TemporaryDirectory() as folder:
                    given = {"input_precision": "tf32"} if tf32 else {}
                    call = launcher(case(graph, (), choices, **given), folder)
                    took = triton.testing.do_bench(lambda call=call, inputs=inputs: call(inputs))
                print(f"    {took:.3f} ms {', '.join(map(str, choices.values()))}", flush=True)


if __name__ == "__main__":
    main()
