"""Triton products for real GPUs, compiled without one: resources, tensor cores, ways of factors, 64-bit positions."""

import pytest

pytest.importorskip("triton")

from architectures import SHARED, kernels_and_architectures
from compiled import compiled
from products import case, f32, tensor

from egg_search.core.hardware import Hardware
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Terms

INSTRUCTION = {80: "mma.sync", 90: "wgmma.mma_async", 100: "tcgen05.mma"}
GIVEN = {"product": "tiled", "layout": "as given"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))


def gpu(arch):
    return Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, SHARED[arch], 65536, capability=arch)


def product(dtype, m, n, k, by_depth=True, finished=True):
    t = Terms()
    x = t.input(0, tensor(dtype, m, k))
    w = t.input(1, tensor(dtype, *((n, k) if by_depth else (k, n))))
    y = x.dot(w.permute((1, 0)) if by_depth else w)
    if finished:
        y = y + t.input(2, tensor(dtype, n))
        y = y * y.map("sigmoid")
    return t.builder.finish([y.id])


KERNELS = {
    "float32": (product(DType.F32, 4096, 4096, 4096), GIVEN),
    "bfloat16": (product(DType.BF16, 4096, 4096, 4096), None),
    "copied": (product(DType.F32, 2048, 2048, 2048, by_depth=False), {"product": "persistent", "layout": "b by depth"}),
    "split": (product(DType.F32, 256, 256, 16384), {"product": "split", "layout": "as given"}),
    "stream": (product(DType.F32, 1536, 1536, 4096), {"product": "stream", "layout": "in pieces"}),
    "pieces": (product(DType.F32, 4096, 4096, 4096), {"product": "tiled", "layout": "in pieces"}),
    "piece": (product(DType.F32, 4096, 4096, 4096), {"product": "tiled", "layout": "in one piece"}),
}
SPILLED = {("piece", 100): 768}  # bytes: its epilogue holds a tile of 128 by 256 in eight warps


@pytest.mark.parametrize(("name", "arch"), kernels_and_architectures(KERNELS, ["pieces"]))
def test_default_schedules_fit_and_use_tensor_cores(tmp_path, name, arch):
    graph, choices = KERNELS[name]
    kernels = compiled(tmp_path, f"{name}_{arch}", case(graph, (), choices, hardware=gpu(arch)).module, arch)
    for kernel in kernels:
        assert kernel.shared <= SHARED[arch]
        assert kernel.spilled <= SPILLED.get((name, arch), 256), (kernel.name, kernel.registers)
    (multiply,) = (kernel for kernel in kernels if kernel.name == "k0_multiply")
    assert INSTRUCTION[arch] in multiply.ptx


@pytest.mark.parametrize("precision", ["ieee", "tf32x3", "bf16x6", "bf16x3", "tf32"])
def test_every_precision_compiles_to_its_arithmetic(tmp_path, precision):
    graph = product(DType.F32, 512, 512, 512, finished=False)
    given = {"input_precision": precision, "block_m": 64, "block_n": 64, "block_k": 16}
    (kernel,) = compiled(tmp_path, f"p_{precision}", case(graph, (), GIVEN, hardware=gpu(90), **given).module, 90)
    kind = {"ieee": "fma.rn", "tf32x3": ".tf32.tf32", "tf32": ".tf32.tf32"}.get(precision, ".bf16.bf16")
    assert kind in kernel.ptx and ("wgmma" in kernel.ptx) is (precision != "ieee")


@pytest.mark.parametrize("dtype", [DType.F16, DType.F32])
def test_plain_factors_go_straight_to_shared_memory(tmp_path, dtype):
    module = case(product(dtype, 512, 512, 512, finished=False), (), GIVEN, hardware=gpu(90)).module
    (kernel,) = compiled(tmp_path, f"straight_{dtype}", module, 90)
    copies = [line for line in kernel.ptx.splitlines() if "cp.async" in line and "global" in line]
    assert copies and all("0x10," in line for line in copies)  # bytes
    assert "ld.global" not in kernel.ptx


RARE = (pytest.param(name, marks=pytest.mark.chaos) for name in ("piece", "stream"))  # much like the others


@pytest.mark.parametrize("name", ["bfloat16", "pieces", *RARE])
def test_descriptors_leave_all_copying_to_the_engine(tmp_path, name):
    graph, choices = KERNELS[name]
    module = case(graph, (), choices, hardware=gpu(90), descriptors=1).module
    (kernel,) = (k for k in compiled(tmp_path, f"engine_{name}", module, 90) if k.name == "k0_multiply")
    assert "cp.async.bulk.tensor" in kernel.ptx and "cp.async.cg" not in kernel.ptx
    assert kernel.spilled <= 256 and kernel.shared <= SHARED[90]


@pytest.mark.parametrize("size", [7, 1])
def test_edges_compile(tmp_path, size):
    """Masks in every direction, and factors of width 1."""
    graph = product(DType.F32, size, size, 701, by_depth=False)
    for form in ("tiled", "split"):
        module = case(graph, (), {**GIVEN, "product": form}, hardware=gpu(80)).module
        assert all("st.global" in kernel.ptx for kernel in compiled(tmp_path, f"edges_{form}_{size}", module, 80))


@pytest.mark.parametrize(("rows", "wide"), [(1 << 20, True), (1 << 10, False)])
def test_positions_beyond_32_bits_are_64_bits_wide(rows, wide):
    t = Terms()
    graph = t.builder.finish([t.input(0, f32(rows, 4096)).dot(t.input(1, f32(4096, 64))).id])
    for layout in ("as given", "both by depth"):
        assert (".to(tl.int64)" in case(graph, (), {**GIVEN, "layout": layout}).module) is wide
