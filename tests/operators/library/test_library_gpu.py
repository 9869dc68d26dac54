"""Library calls and CUDA graphs on a GPU: precision, memory format, replays, changing state, failures to capture."""

from __future__ import annotations

import copy
import importlib.util
from dataclasses import replace

import pytest
import torch
from library_sessions import changed, plan, session

from operators.authors.expert.moves.structure import designer
from principles import load

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")]


def loaded(folder, text, name="candidate"):
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(f"{folder.name}_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def built(folder, of, base, name="candidate"):
    module = loaded(folder, of.text(base, name), name)
    return module.ModelNew().cuda(), [x.cuda() for x in module.get_inputs()]


def exact(model, inputs):
    """What the problem's own forward gives in float64."""
    wide = copy.deepcopy(model).double()
    return wide(*(x.double() for x in inputs)).float()


@pytest.mark.parametrize("name", ["product", "convolutions", "recurrent"])
def test_strict_calls_are_more_exact_than_tf32_ones(tmp_path, name):
    of = session(name)
    base = plan(of)
    errors = []
    for allowed in (False, True):
        wide = base
        for number, kernel in enumerate(base.kernels):
            if "tf32" in kernel.schedule:
                wide = changed(wide, number, tf32=replace(kernel.schedule["tf32"], value=allowed))
        torch.manual_seed(0)
        model, inputs = built(tmp_path, of, wide, f"tf32_{allowed}")
        before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        with torch.no_grad():
            errors.append((model(*inputs) - exact(model, inputs)).abs().max().item())
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before
    assert errors[0] < 1e-5
    if torch.cuda.get_device_capability() >= (8, 0) and name == "product":
        assert errors[1] > 3 * errors[0]


def test_channels_last(tmp_path):
    of = session("convolutions")
    found = designer(of, load()).alternatives(of.captured, plan(of))
    all_ = next(other for other, told in found if told.startswith("all library calls"))
    model, inputs = built(tmp_path, of, all_)
    with torch.no_grad():
        for _ in range(2):
            torch.testing.assert_close(model(*inputs), exact(model, inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["product", "convolutions", "recurrent", "softmax"])
def test_replays_follow_inputs_and_state(tmp_path, name):
    of = session(name)
    model, inputs = built(tmp_path, of, plan(of, launch="graph"))
    with torch.no_grad():
        first = model(*inputs)
        assert model._egg_graph, "nothing was captured"
        kept = first.clone()
        for _ in range(3):
            inputs = [torch.randn_like(x) for x in inputs]
            torch.testing.assert_close(model(*inputs), exact(model, inputs), rtol=1e-4, atol=1e-5)
        assert torch.equal(first, kept), "a result was written over"
        graph = model._egg_graph
        for parameter in model.parameters():
            parameter.mul_(1.5)
        torch.testing.assert_close(model(*inputs), exact(model, inputs), rtol=1e-4, atol=1e-5)
        if list(model.parameters()) and any(True for n in of.captured.nodes if n.op == "state"):
            assert model._egg_graph is not graph
        twin = copy.deepcopy(model)
        assert twin._egg_graph is None
        torch.testing.assert_close(twin(*inputs), model(*inputs))


def test_inference_mode_and_a_capture_from_outside(tmp_path):
    of = session("product")
    model, inputs = built(tmp_path, of, plan(of, launch="graph"))
    with torch.inference_mode():
        torch.testing.assert_close(model(*inputs), exact(model, inputs), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(model(*inputs), exact(model, inputs), rtol=1e-4, atol=1e-5)
        outer = torch.cuda.CUDAGraph()
        with torch.cuda.graph(outer):
            result = model(*inputs)
        outer.replay()
        torch.testing.assert_close(result, exact(model, inputs), rtol=1e-4, atol=1e-5)


def test_what_cannot_be_captured_runs_as_it_is(tmp_path):
    of = session("product")
    text = of.text(plan(of, launch="graph"), "waits")
    body = "    def _egg_body(self, "
    head, rest = text.split(body)
    line, rest = rest.split("\n", 1)
    module = loaded(tmp_path, f"{head}{body}{line}\n        torch.cuda.synchronize()\n{rest}")
    model, inputs = module.ModelNew().cuda(), [x.cuda() for x in module.get_inputs()]
    with torch.no_grad():
        for _ in range(2):
            torch.testing.assert_close(model(*inputs), exact(model, inputs), rtol=1e-4, atol=1e-5)
    assert model._egg_graph is False
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    assert torch.randn(8, device="cuda").isfinite().all()  # the failed capture has left nothing behind
