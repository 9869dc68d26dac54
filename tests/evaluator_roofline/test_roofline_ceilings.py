"""Ceilings: kept between processes, and on a GPU of a plausible size."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roofline_samples import H200

from egg_search.core.hardware import Hardware, detect_cpu, detect_cuda
from evaluator.roofline import ceilings as module
from evaluator.roofline.ceilings import Ceilings, cache_file, cache_key, ceilings, read, write

GPU = Hardware("cuda", "Imaginary 9000", 132, 16, 256 << 10, 60 << 20, 0, 140 << 30)


def test_a_cpu_has_none():
    assert ceilings(detect_cpu()) is None


def test_ceilings_are_kept_beside_others(tmp_path):
    file = tmp_path / "deep" / "ceilings.json"
    write(file, "one", H200)
    write(file, "two", replace(H200, fp32=1e12))
    assert read(file, "one") == H200 and read(file, "two").fp32 == 1e12
    assert read(file, "three") is None
    assert [each.name for each in file.parent.iterdir()] == ["ceilings.json"]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"one": 3}', '{"one": {"fp32": 1}}', json.dumps({"one": {**H200.to_json(), "bf16": "fast"}})],
)
def test_a_broken_cache_is_measured_again_and_mended(tmp_path, content):
    file = tmp_path / "ceilings.json"
    file.write_text(content)
    assert read(file, "one") is None
    write(file, "one", H200)
    assert read(file, "one") == H200


def test_a_cache_that_cannot_be_written_is_none(tmp_path):
    file = tmp_path / "file" / "ceilings.json"
    file.parent.write_text("no directory")
    write(file, "one", H200)
    assert read(file, "one") is None


def test_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_file() == tmp_path / "egg-search" / "ceilings.json"


def test_another_gpu_driver_or_torch_has_other_ceilings(monkeypatch, tmp_path):
    key = cache_key(GPU)
    assert key == cache_key(replace(GPU, memory_bytes=1))
    assert key != cache_key(replace(GPU, model="Imaginary 9001"))
    monkeypatch.setattr(module, "_DRIVER", tmp_path / "version")
    (tmp_path / "version").write_text("another driver")
    assert key != cache_key(GPU)
    monkeypatch.undo()
    monkeypatch.setattr(module.torch, "__version__", "1.0")
    assert key != cache_key(GPU)


@pytest.mark.parametrize("changes", [{"fp32": 0.0}, {"bf16": -1.0}, {"copy_bandwidth": float("nan")}])
def test_what_no_gpu_has_is_refused(changes):
    with pytest.raises(ValueError):
        Ceilings.from_json({**H200.to_json(), **changes})


@given(st.floats(-1, 2))
def test_bandwidth_lies_between_reading_and_copying(share):
    assert H200.copy_bandwidth <= H200.bandwidth(share) <= H200.read_bandwidth
    assert H200.bandwidth(0) == H200.read_bandwidth and H200.bandwidth(0.5) == H200.copy_bandwidth


@pytest.mark.gpu
@pytest.mark.skipif(detect_cuda() is None, reason="no GPU that torch can use")
def test_a_gpu_is_measured_once(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    module._ceilings.cache_clear()
    found = ceilings(detect_cuda())
    assert 0.5 * found.read_bandwidth < found.copy_bandwidth <= found.read_bandwidth
    assert not found.pin_bandwidth or found.read_bandwidth <= found.pin_bandwidth
    assert found.fp32 <= found.tf32 and found.fp32 < found.bf16 and found.fp64 > 0
    assert 0.5 < found.launch_us < 50
    begin = time.perf_counter()
    module._ceilings.cache_clear()
    again = ceilings(detect_cuda())
    assert again == found or not cache_file().exists()  # not kept where others used the GPU
    assert time.perf_counter() - begin < 0.1 or not cache_file().exists()
