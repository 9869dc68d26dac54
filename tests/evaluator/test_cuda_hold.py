"""How long a GPU is held for a worker that launches, and that only what the hold itself ran counts as such."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from egg_search.core.hardware import detect_cuda
from evaluator.device.cuda_hold import Hold, _hold, covers, hold_seconds

NO_GPU = pytest.mark.skipif(detect_cuda() is None, reason="no GPU that torch can use")
# Another process that always has kernels waiting.
BUSY = """
import torch, time
x = torch.zeros(1 << 20, device="cuda")
print("ready", flush=True)
end = time.time() + 60
while time.time() < end:
    for _ in range(10):
        torch.cuda._sleep(400_000)
    torch.cuda.synchronize()
"""


def test_the_device_is_held_for_as_long_as_launching_takes_and_no_longer_than_a_turn():
    assert hold_seconds() == hold_seconds(1e-5) == pytest.approx(1e-3)
    assert hold_seconds(4e-4) == pytest.approx(1.4e-3) and covers(4e-4)
    assert hold_seconds(1e9) == pytest.approx(1.8e-3) and not covers(1e-3)


@pytest.mark.parametrize("capability", [80, 90, 100])
def test_it_compiles_and_looks_at_the_clock_again_and_again(capability):
    aligned = {(0,): [["tt.divisibility", 16]]}
    source = ASTSource(_hold, {"told": "*i64", "cycles": "i32"}, {}, aligned)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 1})
    loop = re.search(r"^(\$L__BB0_\d+):(.*?)bra\s+\1;", made.asm["ptx"], re.M | re.S)
    assert "%clock64" in loop[2] and "min.s64" in loop[2]
    assert made.asm["ptx"].count("%globaltimer") == 2 and "%globaltimer" not in loop[2]
    assert made.metadata.shared == 0


def milliseconds(hold: Hold, seconds: float) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    hold(seconds)
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


@pytest.mark.gpu
@NO_GPU
@pytest.mark.parametrize("seconds", [4e-4, 1.8e-3])
def test_alone_it_lasts_as_long_as_it_says(seconds):
    hold = Hold()
    usual = sorted(milliseconds(hold, seconds) for _ in range(21))[10]
    assert not hold.interrupted()
    around = milliseconds(hold, seconds) / 1e3
    assert around - 1e-4 < hold.lasted() < around  # launching it may take longer than what comes before
    assert 1e3 * seconds * 0.99 <= usual <= 1e3 * seconds * 1.25  # the device's clock may be slower than its fastest


@pytest.mark.gpu
@NO_GPU
def test_while_another_process_has_the_device_it_does_not_go_on():
    hold = Hold()
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "ready\n"
            usual = sorted(milliseconds(hold, 0.05) for _ in range(9))[4]
            assert hold.interrupted()
        finally:
            other.kill()
    assert usual > 65
