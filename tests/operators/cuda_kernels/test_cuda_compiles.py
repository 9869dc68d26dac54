"""CUDA kernels for real GPUs, compiled by NVRTC without one: resources, width of accesses, 64-bit positions."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("cupy_backends.cuda.libs.nvrtc")

import torch
import torch.nn.functional as F
from architectures import kernels_and_architectures
from emulated import NEST, case, offers, structures
from nvrtc_compiled import compiled

from operators.authors.expert.cuda.conv import ConvGenerator
from operators.authors.expert.cuda.prelude import every_name, paragraphs

SHARED = 48 << 10  # bytes of a block
REGISTERS = 65536


def shaped(*shape):
    """Only its shape counts, however large."""
    return torch.empty(1).expand(shape)


CONV = ConvGenerator()
KERNELS = {
    "elements": (NEST, lambda x: F.gelu(x) * 2, (4096, 4096)),
    "odd elements": (NEST, lambda x: F.gelu(x) * 2, (4097, 1023)),
    "short softmax": (NEST, lambda x: torch.softmax(x, -1), (65536, 256)),
    "softmax": (NEST, lambda x: torch.softmax(x, -1), (4096, 4096)),
    "long softmax": (NEST, lambda x: torch.softmax(x, -1), (512, 100_000)),
    "group norm": (NEST, lambda x: F.group_norm(x, 8), (16, 64, 128, 128)),
    "large channels": (NEST, lambda x: F.batch_norm(x, None, None, None, None, True), (64, 256, 56, 56)),
    "longest row of a cluster": (NEST, lambda x: torch.softmax(x, -1), (8, 1 << 18)),
    "longest row held": (NEST, lambda x: torch.softmax(x, -1), (64, 32_768)),
    "layer norm": (NEST, lambda x: F.layer_norm(x, (8192,)), (4096, 8192)),
    "column sums": (NEST, lambda x: x.sum(0), (8192, 512)),
    "channels": (NEST, lambda x: F.batch_norm(x, None, None, None, None, True), (32, 64, 784)),
    "softmax between": (NEST, lambda x: torch.softmax(x, 1), (32, 64, 784)),
    "argmax": (NEST, lambda x: x.argmax(1), (4096, 4096)),
    "sum": (NEST, lambda x: x.sum(), (4096, 4096)),
    "loss": (NEST, lambda x: torch.logsumexp(x, 1).mean(), (4096, 1000)),
    "turned": (NEST, lambda x: (x.transpose(1, 2) * 2).contiguous(), (4, 512, 512)),
    "pooling": (NEST, lambda x: F.max_pool2d(x, 3, 2, 1), (8, 16, 56, 56)),
    "depthwise": (CONV, lambda x, w: F.conv2d(x, w, padding=1, groups=16), (8, 16, 56, 56), (16, 1, 3, 3)),
    "large windows": (CONV, lambda x, w: F.conv2d(x, w, padding=3, groups=16), (8, 16, 56, 56), (16, 1, 7, 7)),
}  # fmt: skip


COMMON = ["elements", "softmax", "group norm", "column sums", "turned", "depthwise"]


@pytest.mark.parametrize(("name", "arch"), kernels_and_architectures(KERNELS, COMMON))
def test_default_schedules_fit(name, arch):
    generator, function, *shapes = KERNELS[name]
    inputs = [shaped(*shape) for shape in shapes]
    for choices in structures(function, *inputs, generator=generator):
        if arch < 90 and choices.get("row") == "cluster":
            continue
        code = case(function, *inputs, choices=choices, generator=generator).code()
        for kernel in compiled(code, arch):
            told = (choices, kernel.name, kernel.registers)
            assert kernel.spilled == 0, told
            assert kernel.shared <= SHARED, told
            assert kernel.registers * kernel.threads <= REGISTERS, told


@pytest.mark.parametrize(
    "name",
    [
        *("channels", "group norm", "turned", "depthwise", "elements"),
        *(pytest.param(name, marks=pytest.mark.chaos) for name in ("softmax between", "large windows")),  # much alike
    ],
)
def test_every_value_of_a_decision_compiles(name):
    generator, function, *shapes = KERNELS[name]
    inputs = [shaped(*shape) for shape in shapes]
    for choices in structures(function, *inputs, generator=generator)[:2]:
        for decision, values in offers(function, tuple(inputs), choices, generator).items():
            for value in {min(values), max(values)}:
                code = case(function, *inputs, choices=choices, generator=generator, **{decision: value}).code()
                assert all(kernel.shared <= SHARED for kernel in compiled(code, 90)), (choices, decision, value)


@pytest.mark.parametrize("name", ["elements", "softmax", "layer norm", "group norm", "sum"])
def test_contiguous_accesses_are_16_bytes_wide(name):
    _, function, shape = KERNELS[name]
    code = case(function, shaped(*shape)).code()
    kernel = next(k for k in compiled(code, 90) if k.name.endswith(("map", "rows", "level0")))
    body = kernel.ptx.split(f".entry {kernel.name}")[1].split(".entry")[0].splitlines()
    reads = [line for line in body if "ld.global" in line]
    assert reads and all(".v4." in line for line in reads)


@pytest.mark.parametrize("arch", [90, 100])
def test_a_cluster_reads_a_row_once(arch):
    """Three passes: the loads of the first one's vectors are all there are."""
    _, function, shape = KERNELS["longest row of a cluster"]
    (kernel,) = compiled(case(function, shaped(*shape), choices={"row": "cluster"}).code(), arch)
    assert ".reqnctapercluster 8, 1, 1" in kernel.ptx
    assert kernel.ptx.count("ld.global") == shape[1] // (8 * kernel.threads * 4)
    assert kernel.ptx.count("barrier.cluster.arrive") == kernel.ptx.count("barrier.cluster.wait") == 3


@pytest.mark.parametrize(("rows", "wide"), [(1 << 20, True), (1 << 10, False)])
def test_positions_beyond_32_bits_are_64_bits_wide(rows, wide):
    for function in (F.gelu, lambda x: x.sum(1), lambda x: x.sum(0), lambda x: (x.t() * 2).contiguous()):
        assert ("const long" in case(function, shaped(rows, 4096)).code().source) is wide


def test_the_whole_prelude_compiles():
    code = case(F.gelu, shaped(64, 64)).code()
    assert paragraphs(every_name()).count("\n\n") > 20
    (kernel,) = compiled(replace(code, preludes=every_name()), 90)
    assert kernel.spilled == 0
