"""Triton convolutions for real GPUs, compiled without one: resources, tensor cores, ways of factors, wide positions."""

import pytest

pytest.importorskip("triton")

from architectures import SHARED, kernels_and_architectures
from compiled import compiled
from convolutions import case, convolve, spread, structures, tensor

from egg_search.core.hardware import Hardware
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Terms

INSTRUCTION = {80: "mma.sync", 90: "wgmma.mma_async", 100: "tcgen05.mma"}
F32, BF16 = DType.F32, DType.BF16


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))


def gpu(arch):
    return Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, SHARED[arch], 65536, capability=arch)


def layer(dtype, x, w, turned=False, **settings):
    t = Terms()
    y = (spread if turned else convolve)(t.input(0, tensor(dtype, *x)), t.input(1, tensor(dtype, *w)), **settings)
    y = y + t.input(2, tensor(dtype, y.shape[1], *[1] * (y.rank - 2)))
    return t.builder.finish([(y * y.map("sigmoid")).id])


LAYERS = {
    "float32": layer(F32, (32, 64, 56, 56), (128, 64, 3, 3), padding=1),
    "bfloat16": layer(BF16, (32, 64, 56, 56), (128, 64, 3, 3), padding=1),
    "stem": layer(F32, (32, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3),
    "split": layer(F32, (1, 512, 7, 7), (512, 512, 3, 3), padding=1),
    "pieces": layer(F32, (16, 128, 56, 56), (256, 128, 3, 3), padding=1),
    "volume": layer(F32, (4, 32, 8, 16, 16), (32, 32, 3, 3, 3), turned=True, stride=2, padding=1, extra=1),
    "depthwise": layer(F32, (32, 256, 56, 56), (256, 1, 3, 3), padding=1, groups=256),
}
SPILLED = {"pieces": 384}  # bytes: the sums of small and of large terms fill the registers
MULTIPLIED = [name for name in LAYERS if name != "depthwise"]


def made(folder, name, arch, choices=None, **schedule):
    module = case(LAYERS[name], (), choices, hardware=gpu(arch), **schedule).module
    return {kernel.name: kernel for kernel in compiled(folder, f"{name}_{arch}", module, arch)}


@pytest.mark.parametrize(("name", "arch"), kernels_and_architectures(MULTIPLIED, ["float32"]))
def test_default_schedules_fit_and_use_tensor_cores(tmp_path, name, arch):
    kernels = made(tmp_path, name, arch)
    for kernel in kernels.values():
        assert kernel.shared <= SHARED[arch]
        assert kernel.spilled <= SPILLED.get(name, 32), (kernel.name, kernel.registers)
    assert INSTRUCTION[arch] in kernels["k0_multiply"].ptx


def test_a_depthwise_convolution_takes_few_registers_and_no_shared_memory(tmp_path):
    for choices in structures(LAYERS["depthwise"]):
        (kernel,) = made(tmp_path, "depthwise", 90, choices).values()
        assert (kernel.shared, kernel.spilled) == (0, 0) and kernel.registers <= 96
        assert "mma" not in kernel.ptx


def test_rows_in_registers_are_read_once_and_lane_by_lane(tmp_path):
    """Six rows of the input at three taps for four rows of sums, and nine weights."""
    (kernel,) = made(tmp_path, "depthwise", 90, {"convolution": "direct", "sums": "of several rows"}).values()
    loads = [line for line in kernel.ptx.splitlines() if "ld.global" in line]
    each = 512 // 128  # positions of a thread
    assert len(loads) <= 6 * 3 * each + 9 + 1 and not any(".v2" in line or ".v4" in line for line in loads)


def test_channels_last_are_copied_sixteen_bytes_at_a_time(tmp_path):
    choices = structures(LAYERS["float32"])[0]
    assert choices["layout"] == "channels last"
    ptx = made(tmp_path, "float32", 90, choices)["k0_multiply"].ptx
    copies = [line for line in ptx.splitlines() if "cp.async" in line and "global" in line]
    assert copies and all("0x10," in line for line in copies)


def test_one_piece_fits_into_the_registers(tmp_path):
    choices = structures(LAYERS["pieces"])[1]
    assert choices["layout"] == "in one piece"
    kernel = made(tmp_path, "pieces", 90, choices)["k0_multiply"]
    assert "wgmma" in kernel.ptx and kernel.spilled <= 256 and kernel.shared <= SHARED[90]


@pytest.mark.parametrize("choices", [c for c in structures(LAYERS["float32"]) if c["layout"] != "channels last"])
def test_other_layouts_use_tensor_cores_too(tmp_path, choices):
    kernel = made(tmp_path, "float32", 90, choices, block_m=64, block_n=64)["k0_multiply"]
    assert "wgmma" in kernel.ptx and kernel.spilled == 0


@pytest.mark.parametrize(("images", "wide"), [(1 << 10, True), (1 << 4, False)])
def test_positions_beyond_32_bits_are_64_bits_wide(images, wide):
    for graph in (
        layer(F32, (images, 64, 256, 256), (64, 64, 3, 3), padding=1),
        layer(F32, (images, 64, 256, 256), (64, 1, 3, 3), padding=1, groups=64),
    ):
        for choices in structures(graph):
            assert (".to(tl.int64)" in case(graph, (), choices).module) is wide
