"""Triton products on a GPU: what no interpreter shows. Every arithmetic has the error that it should, beside float32's.

`python test_triton_matmul_gpu.py [SIZE]` prints rates and errors beside the library's.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    import conftest  # noqa: F401 (paths of the modules below)

import pytest

pytest.importorskip("triton")

import torch
import triton
from products import case
from test_triton_matmul_forms import linear

from egg_search.core.hardware import detect_cuda
from operators.authors.expert.ir.graph import DType

HARDWARE = detect_cuda()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(HARDWARE is None, reason="no GPU that torch can use")]
HOPPER = HARDWARE is not None and HARDWARE.capability >= 90
FORMS, LAYOUTS = ("tiled", "persistent", "split", "stream"), ("as given", "both by depth", "in pieces")
SIZES = {"whole": (1024, 1280, 2048), "ragged": (1000, 1111, 1208)}


def launcher(folder, made):
    """(a function that runs the kernel on the GPU and returns its result, the inputs there)"""
    path = Path(folder) / f"product_{len(list(Path(folder).iterdir()))}.py"
    path.write_text(made.module)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    inputs = [x.cuda() for x in made.inputs]
    given = {n.id: inputs[n.attrs["position"]] for n in made.graph.nodes if n.op == "input"}
    (output,) = made.code.writes
    shape, dtype = made.graph[output].shape, getattr(torch, made.graph[output].dtype)

    def call():
        result = torch.full(shape, 77, dtype=dtype, device="cuda")
        module.k0(*(given[i] for i in made.code.reads), result)
        return result

    return call, inputs


def ran(folder, made):
    call, inputs = launcher(folder, made)
    return call(), inputs


def errors(result, inputs):
    """In norm: the result's, and eager's."""
    x, w, b = inputs
    truth = torch.sigmoid(x.double() @ w.double().mT + b.double())
    eager = torch.sigmoid(x @ w.mT + b)
    return [((each.double() - truth).norm() / truth.norm()).item() for each in (result, eager)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", FORMS)
def test_float32_is_as_exact_as_the_library(tmp_path, form, layout, size):
    problem = linear(*SIZES[size])
    for values in ({}, {"descriptors": 1}) if HOPPER else ({},):
        made = case(*problem, {"product": form, "layout": layout}, hardware=HARDWARE, **values)
        found, eager = errors(*ran(tmp_path, made))
        assert found <= max(1.5 * eager, 2e-7), (values, found, eager)


@pytest.mark.parametrize(("word", "most"), [("fp16x3", 1e-6), ("bf16x6", 1e-6), ("bf16x3", 1e-5)])
def test_pieces_have_their_errors(tmp_path, word, most):
    problem = linear(*SIZES["ragged"])
    made = case(
        *problem, {"product": "tiled", "layout": "in pieces"}, hardware=HARDWARE, input_precision=word, block_k=32
    )
    assert errors(*ran(tmp_path, made))[0] <= most


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", ["tiled", "persistent", "split", "library"])
def test_one_piece_is_as_exact_as_tf32(tmp_path, form, size):
    problem = linear(*SIZES[size])
    for values in ({"descriptors": 0}, {"descriptors": 1}) if HOPPER else ({},):
        made = case(*problem, {"product": form, "layout": "in one piece"}, hardware=HARDWARE, **values)
        assert errors(*ran(tmp_path, made))[0] <= 1e-3, values


def test_equal_inputs_give_equal_results(tmp_path):
    problem = linear(*SIZES["ragged"])
    for form in FORMS:
        made = case(*problem, {"product": form, "layout": "in pieces"}, hardware=HARDWARE)
        first, second = (ran(tmp_path, made)[0] for _ in range(2))
        assert torch.equal(first, second), form


def test_half_types_take_factors_in_either_order(tmp_path):
    for by_depth in (True, False):
        problem = linear(*SIZES["ragged"], DType.F16, by_depth)
        for values in ({}, {"descriptors": 1}) if HOPPER else ({},):
            made = case(*problem, {"product": "stream", "layout": "as given"}, hardware=HARDWARE, **values)
            result, (x, w, b) = ran(tmp_path, made)
            truth = torch.sigmoid(x.double() @ (w.double().mT if by_depth else w.double()) + b.double())
            assert (result.double() - truth).norm() / truth.norm() < 2e-3


def rates(size):
    """Prints what each way takes, copies of factors included, and its error in norm."""
    problem, flops = linear(size, size, size), 2 * size**3
    pieced, given = {"product": "tiled", "layout": "in pieces"}, {"product": "tiled", "layout": "as given"}
    engine = {"descriptors": 1}
    ways = [("float32 as given", given, {}), ("pieces", pieced, {}), ("pieces, engine", pieced, engine)]
    ways += [(f"{f}, engine", {**pieced, "product": f}, engine) for f in ("persistent", "stream")]
    ways += [("bf16x6, engine", pieced, {**engine, "input_precision": "bf16x6", "block_k": 32})]
    one = {"layout": "in one piece"}
    ways += [(f"one piece, {form}", {**one, "product": form}, {}) for form in ("tiled", "persistent", "library")]
    x, w, b = (each.cuda() for each in problem[1])
    for tf32 in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        ms = triton.testing.do_bench(lambda: torch.sigmoid(x @ w.mT + b))
        print(f"{'library, tf32' if tf32 else 'library':24} {flops / ms / 1e9:7.1f} TFLOP/s")
    torch.backends.cuda.matmul.allow_tf32 = False
    with tempfile.TemporaryDirectory() as folder:
        for name, choices, values in ways:
            try:
                call, inputs = launcher(folder, case(*problem, choices, hardware=HARDWARE, **values))
                found, eager = errors(call(), inputs)
                ms = triton.testing.do_bench(call)
                print(f"{name:24} {flops / ms / 1e9:7.1f} TFLOP/s, error {found:.1e} (float32 {eager:.1e})")
            except Exception as error:  # one that does not fit says nothing of the others
                print(f"{name:24} {type(error).__name__}: {str(error)[:80]}")


if __name__ == "__main__":
    rates(int(sys.argv[1]) if len(sys.argv) > 1 else 4096)
