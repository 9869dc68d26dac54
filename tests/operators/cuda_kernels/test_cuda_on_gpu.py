"""CUDA kernels on a real GPU: the cases of the emulation, and what only a GPU shows."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("cupy_backends.cuda.libs.nvrtc")

import test_cuda_conv
import test_cuda_nest
import test_cuda_passes
import torch
import torch.nn.functional as F
from emulated import assert_near, case, structures

from operators.authors.expert.cuda.dialect import CudaDialect

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")]


@pytest.fixture(autouse=True)
def own_builds(tmp_path, monkeypatch):
    monkeypatch.setenv("EGG_BUILD_DIR", str(tmp_path))


class OnGpu:
    """A case, compiled and ready to be called on tensors of the GPU."""

    def __init__(self, one):
        self.case, self.code, module = one, one.code(), {}
        exec(CudaDialect().definitions([self.code]), module)
        self.launch = module["k0"]

    def __call__(self, *inputs):
        graph = self.case.graph
        values = {n.id: inputs[n.attrs["position"]].contiguous() for n in graph.nodes if n.op == "input"}
        types = [graph[o].type for o in self.code.writes]
        outputs = [torch.empty(t.shape, dtype=getattr(torch, t.dtype), device="cuda") for t in types]
        self.launch(*(values[i] for i in self.code.reads), *outputs)
        found = dict(zip(self.code.writes, outputs, strict=True))
        return [found[o] for o in graph.outputs]


def check(one, tolerance, name=""):
    inputs = [x.cuda() for x in one.inputs]
    truth = one.function(*(x.double() if x.is_floating_point() else x for x in inputs))
    for result, expected in zip(OnGpu(one)(*inputs), truth if isinstance(truth, tuple) else (truth,), strict=True):
        assert_near(result, expected, tolerance, name)


def capability():
    return 10 * torch.cuda.get_device_capability()[0] if torch.cuda.is_available() else 0


needs_clusters = pytest.mark.skipif(capability() < 90, reason="no GPU that has clusters")


@pytest.mark.parametrize("name", test_cuda_nest.CASES)
def test_nests_agree_with_float64_in_every_structure(name):
    function, *inputs = test_cuda_nest.CASES[name]
    for choices in structures(function, *inputs):
        check(case(function, *inputs, choices=choices), 2e-6, f"{name} {choices}")


@pytest.mark.parametrize("name", test_cuda_passes.CASES)
def test_forms_agree_with_float64(name):
    function, *inputs = test_cuda_passes.CASES[name]
    for form in test_cuda_passes.FORMS:
        check(case(function, *inputs, choices=form, parts=4), 2e-6, f"{name} {form}")


@pytest.mark.parametrize("name", test_cuda_conv.CASES)
def test_depthwise_convolutions_agree_with_float64(name):
    function, *inputs = test_cuda_conv.CASES[name]
    for choices in structures(function, *inputs, generator=test_cuda_conv.CONV):
        check(case(function, *inputs, choices=choices, generator=test_cuda_conv.CONV), 2e-6, f"{name} {choices}")


@pytest.mark.parametrize("dtype", test_cuda_passes.TOLERANCES)
def test_other_float_types(dtype):
    x = torch.randn(5, 72).to(dtype)
    check(case(lambda x: torch.softmax(x, -1) + F.silu(x), x), test_cuda_passes.TOLERANCES[dtype])


def test_functions_are_exact():
    check(case(test_cuda_passes.functions, torch.randn(30, 40) * 2), 2e-6)


@pytest.mark.parametrize("name", test_cuda_passes.INSIDE)
@needs_clusters
def test_clusters_agree_with_float64(name):
    function, *inputs = test_cuda_passes.CASES[name]
    for cluster in (2, 4, 8):
        one = case(function, *inputs, choices=test_cuda_passes.CLUSTER, threads=64, cluster=cluster)
        check(one, 2e-6, f"{name} {cluster}")


def batch_norm(x):
    return F.batch_norm(x, None, None, None, None, True)


CLUSTERED = {
    "group norm": (lambda x: F.group_norm(x, 8), (16, 64, 128, 128)),
    "batch norm": (batch_norm, (64, 256, 56, 56)),
    "odd batch norm": (batch_norm, (61, 37, 53, 31)),
    "softmax": (lambda x: torch.softmax(x, -1), (64, 200_000)),
    "odd softmax": (lambda x: torch.softmax(x, -1), (7, 199_999)),
    "shortest": (lambda x: torch.softmax(x, -1), (300, (1 << 15) + 1)),
    "longest": (lambda x: torch.softmax(x, -1), (3, 1 << 18)),
    "one row": (lambda x: x / x.norm(), (100_003,)),
}


@pytest.mark.parametrize("name", CLUSTERED)
@needs_clusters
def test_rows_in_clusters_are_exact_and_reproducible(name):
    function, shape = CLUSTERED[name]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for schedule in ({}, {"threads": 1024, "cluster": 8}, {"threads": 512, "cluster": 8, "vec": 1}):
        one = case(function, x, choices=test_cuda_passes.CLUSTER, **schedule)
        check(one, 3e-6, f"{name} {schedule}")
        kernel, given = OnGpu(one), x.cuda()
        first = kernel(given)
        for _ in range(20):
            assert all(map(torch.equal, first, kernel(given))), schedule


LARGE = {
    "gelu": (F.gelu, (1 << 24,)),
    "softmax": (lambda x: torch.softmax(x, -1), (4096, 4096)),
    "long softmax": (lambda x: torch.softmax(x, -1), (32, 1 << 19)),
    "layer norm": (lambda x: F.layer_norm(x, (8192,)), (2048, 8192)),
    "column sums": (lambda x: x.sum(0), (1 << 15, 512)),
    "sum": (lambda x: x.sum(), (1 << 24,)),
    "turned": (lambda x: (x.transpose(1, 2) * 2).contiguous(), (8, 1000, 2000)),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_tensors(name):
    function, shape = LARGE[name]
    x = torch.randn(shape)
    for choices in structures(function, x):
        check(case(function, x, choices=choices), 3e-6, f"{name} {choices}")


def test_tensors_beyond_32_bits():
    x = torch.zeros(1, dtype=torch.uint8).expand(4, (1 << 29) + 16)
    kernel = OnGpu(case(lambda x: x + 1, x))
    x = torch.arange(251, dtype=torch.uint8, device="cuda").repeat(x.numel() // 251 + 1)[: x.numel()].view(x.shape)
    (result,) = kernel(x)
    assert torch.equal(result, x + 1)


def test_unaligned_views_other_streams_and_graphs():
    x = torch.randn(4097, device="cuda")[1:]
    kernel = OnGpu(case(lambda x: F.relu(x) * 2, torch.zeros(4096)))
    expected = F.relu(x) * 2
    assert torch.equal(kernel(x)[0], expected)
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        torch.cuda._sleep(10_000_000)
        y = x + 1
        (result,) = kernel(y)
    side.synchronize()
    assert torch.equal(result, F.relu(x + 1) * 2)
    graph, static = torch.cuda.CUDAGraph(), x.clone()
    with torch.cuda.graph(graph):
        (result,) = kernel(static)
    static.copy_(x - 1)
    graph.replay()
    assert torch.equal(result, F.relu(x - 1) * 2)


def test_a_launch_looks_nothing_up():
    """It takes some ten microseconds; building or finding a kernel takes a thousand."""
    kernel = OnGpu(case(lambda x, y: x + y, torch.zeros(256), torch.zeros(256)))
    tensors = [torch.zeros(256, device="cuda") for _ in range(3)]
    kernel.launch(*tensors)
    torch.cuda.synchronize()
    best = min(_seconds(kernel.launch, tensors) for _ in range(20))
    assert best < 100e-6, f"{best * 1e6:.1f} us"


def _seconds(launch, tensors, times=200):
    start = time.perf_counter()
    for _ in range(times):
        launch(*tensors)
    passed = time.perf_counter() - start
    torch.cuda.synchronize()
    return passed / times
