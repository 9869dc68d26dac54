"""Triton attention for real GPUs, compiled without one: resources, tensor cores, 64-bit positions."""

import re
from collections import Counter

import pytest

pytest.importorskip("triton")

import torch
import torch.nn.functional as F
from architectures import SHARED, kernels_and_architectures
from attentions import SPLIT, TOGETHER, case
from compiled import compiled

from egg_search.core.hardware import Hardware

INSTRUCTION = {80: "mma.sync", 90: "wgmma.mma_async", 100: "tcgen05.mma"}
EMPTY = "Triton 3.7.1 makes an empty kernel of this; the check of results notices"
KERNELS = [(dtype, width) for dtype in (torch.float32, torch.float16) for width in (64, 128)]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))


def gpu(arch):
    return Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, SHARED[arch], 65536)


def causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def shaped(dtype, *shape):
    """Only its shape counts, however large."""
    return torch.empty(1, dtype=dtype).expand(shape)


@pytest.mark.parametrize(("kernel", "arch"), kernels_and_architectures(KERNELS, [(torch.float32, 64)]))
def test_default_schedules_fit_and_use_tensor_cores(tmp_path, kernel, arch):
    dtype, width = kernel
    if (dtype, width, arch) == (torch.float32, 128, 100):
        pytest.skip(EMPTY)
    x, choices = shaped(dtype, 4, 16, 2048, width), TOGETHER if dtype is torch.float32 else None
    module = case(causal, x, x, x, choices=choices, hardware=gpu(arch)).module
    (kernel,) = compiled(tmp_path, f"attention_{arch}_{dtype}_{width}".replace(".", "_"), module, arch)
    assert kernel.shared <= SHARED[arch] and kernel.spilled == 0, (kernel.shared, kernel.registers, kernel.spilled)
    assert INSTRUCTION[arch] in kernel.ptx


PIECES_OF = [(name, width) for name in ("in pieces", "in one piece") for width in (64, 128)]


@pytest.mark.parametrize(("kernel", "arch"), kernels_and_architectures(PIECES_OF, [("in pieces", 64)]))
def test_pieces_fit_and_take_three_products_each(tmp_path, kernel, arch):
    name, width = kernel
    if (*kernel, arch) == ("in pieces", 128, 100):
        pytest.skip(EMPTY)
    x, choices = shaped(torch.float32, 4, 16, 2048, width), {**TOGETHER, "products": name}
    module = case(F.scaled_dot_product_attention, x, x, x, choices=choices, hardware=gpu(arch)).module
    *before, attend = compiled(tmp_path, f"{name}_{width}_{arch}".replace(" ", "_"), module, arch)
    assert attend.shared <= SHARED[arch] and all(each.spilled == 0 for each in before)
    # Two programs of four warps on a multiprocessor take 2.2 ms where one of eight takes 3.0, and spills nothing.
    assert attend.spilled <= (640 if kernel == ("in pieces", 64) else 0)
    assert INSTRUCTION[arch] in attend.ptx
    if arch == 90:
        steps = Counter(re.findall(r"wgmma.mma_async\S*(f32\.\w+)", attend.ptx))
        groups = 2 if width == 64 else 1  # of 64 rows, that four warps multiply one after the other
        assert steps == {"f32.f16": groups * (3 if name == "in pieces" else 1) * (width + 64) // 16}


@pytest.mark.parametrize(("queries", "keys"), [(1, 8192), (7, 5001)])
def test_split_keys_fit(tmp_path, queries, keys):
    q, k = shaped(torch.float32, 1, 8, queries, 128), shaped(torch.float32, 1, 8, keys, 128)
    module = case(F.scaled_dot_product_attention, q, k, k, choices=SPLIT, hardware=gpu(90)).module
    attend, join = compiled(tmp_path, f"split_{queries}", module, 90)
    assert attend.spilled == join.spilled == 0
    assert "mma" in attend.ptx and "mma" not in join.ptx


@pytest.mark.parametrize("precision", ["ieee", "bf16x6", "bf16x3", "tf32"])
def test_every_precision_compiles_to_its_arithmetic(tmp_path, precision):
    x = shaped(torch.float32, 2, 4, 512, 32)
    given = {"input_precision": precision, "block_m": 64, "block_n": 32, "num_warps": 4}
    module = case(F.scaled_dot_product_attention, x, x, x, choices=TOGETHER, hardware=gpu(90), **given).module
    (kernel,) = compiled(tmp_path, f"p_{precision}", module, 90)
    kind = {"ieee": "fma.rn", "tf32": ".tf32.tf32"}.get(precision, ".bf16.bf16")
    assert kind in kernel.ptx and ("wgmma" in kernel.ptx) is (precision != "ieee")


def test_plain_factors_go_straight_to_shared_memory(tmp_path):
    x = shaped(torch.float16, 2, 4, 512, 64)
    module = case(F.scaled_dot_product_attention, x, x, x, hardware=gpu(90)).module
    (kernel,) = compiled(tmp_path, "straight", module, 90)
    copies = [line for line in kernel.ptx.splitlines() if "cp.async" in line and "global" in line]
    assert copies and all("0x10," in line for line in copies)  # bytes


@pytest.mark.parametrize(("batch", "wide"), [(1 << 12, True), (1 << 4, False)])
def test_positions_beyond_32_bits_are_64_bits_wide(batch, wide):
    x = shaped(torch.float32, batch, 8, 1024, 64)
    assert (".to(tl.int64)" in case(F.scaled_dot_product_attention, x, x, x).module) is wide
