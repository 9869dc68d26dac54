"""What is asked of an NVIDIA driver, and what is made of its answers, against one that says what a test wants."""

import time

import fake_driver
import pytest

from egg_search.core import hardware, sharing
from egg_search.core.errors import UserError
from egg_search.core.hardware import detect, detect_cpu
from egg_search.core.sharing import used_by_others


@pytest.fixture
def driver(tmp_path, monkeypatch):
    yield fake_driver.install(tmp_path / "driver", monkeypatch)
    hardware.ask_driver.cache_clear()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(sharing, "_PAUSE_SECONDS", 0.0)


def test_gpus_are_described_in_cudas_order(driver):
    driver.gpus("NVIDIA Imaginary", "NVIDIA Other")
    first, second = hardware.ask_driver().gpus
    assert detect() == detect("cuda") == first
    assert (first.kind, first.model, first.cores, first.capability) == ("cuda", "NVIDIA Imaginary", 132, 90)
    assert (first.memory_bytes, first.l2_bytes) == (80 << 30, 50 << 20)
    assert second.model == "NVIDIA Other" and second.id != first.id


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"version": 12080}, "the NVIDIA driver is too old: it supports CUDA 12.8, this torch needs 13.0; update"),
        ({"status": 999}, "the CUDA driver says 999"),
        ({"count": 0}, "the CUDA driver shows no GPU; see CUDA_VISIBLE_DEVICES"),
    ],
)
def test_a_gpu_that_cannot_be_used_has_a_reason(driver, told, reason):
    driver.tell(**told)
    assert hardware.ask_driver().broken and hardware.ask_driver().reason.startswith(reason)
    assert detect("auto") == detect_cpu()
    with pytest.raises(UserError, match=reason):
        detect("cuda")


def test_a_torch_without_cuda_says_so(driver):
    (driver.folder / "torch" / "version.py").write_text("cuda = None\n")
    driver.tell()
    assert hardware.ask_driver().reason == "torch was built without CUDA; install a build for CUDA"


def test_a_newer_driver_is_fine(driver):
    driver.tell(version=14010)
    assert hardware.ask_driver().gpus


def test_nobody_else_is_at_an_idle_gpu(driver):
    driver.tell(held_mib=900, busy=10)
    assert used_by_others(detect("cuda")) is None


def test_cpus_are_not_asked(driver):
    driver.tell(held_mib=9000)
    assert used_by_others(detect_cpu()) is None


@pytest.mark.parametrize(("held", "busy"), [(5000, 0), (100, 90)])
def test_who_holds_memory_or_keeps_the_gpu_busy_is_told(driver, impatient, held, busy):
    driver.tell(held_mib=held, busy=busy)
    told = used_by_others(detect("cuda"))
    # The fake numbers GPUs the other way round than CUDA does.
    assert told == f"GPU 4 is used by others ({held} MiB held, {busy} % busy): timings are rough"


def test_what_is_just_ending_is_waited_for(driver, monkeypatch):
    driver.tell(held_mib=5000)
    monkeypatch.setattr(time, "sleep", lambda _: driver.tell(held_mib=3))
    assert used_by_others(detect("cuda")) is None


def test_a_gpu_that_does_not_tell_how_busy_it_is(driver, impatient):
    driver.tell(held_mib=2000, busy=-1)
    assert "(2000 MiB held, 0 % busy)" in used_by_others(detect("cuda"))


def test_a_driver_without_nvml_tells_nothing(driver):
    gpu = detect("cuda")
    driver.tell(held_mib=9000)
    (driver.folder / "libnvidia-ml.so.1").write_text("no library")
    assert used_by_others(gpu) is None
