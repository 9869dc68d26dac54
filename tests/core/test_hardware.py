"""What a machine is described as; the GPU's own description is tested where there is one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from egg_search.core import hardware
from egg_search.core.errors import UserError
from egg_search.core.hardware import detect, detect_cpu, detect_cuda

ASK = Path(hardware.__file__).with_name("ask_cuda.py")


def test_cpus_are_those_that_this_process_may_use():
    found = detect_cpu()
    assert (found.kind, found.cores) == ("cpu", len(os.sched_getaffinity(0)))
    assert found == detect_cpu() and found.id == detect_cpu().id


@pytest.mark.skipif(detect_cuda() is not None, reason="there is a GPU")
def test_without_a_gpu_the_cpus_are_chosen():
    assert detect() == detect_cpu()


def test_the_driver_is_asked_without_torch_and_says_why_not():
    done = subprocess.run([sys.executable, "-P", ASK], capture_output=True, text=True)
    if done.returncode == 0:
        assert json.loads(done.stdout)[0]["cores"] > 0
    else:
        assert done.stderr.strip() and not done.stdout


def test_a_gpu_that_does_not_exist_is_none():
    assert detect_cuda(4096) is None


@pytest.mark.skipif(detect_cuda() is not None, reason="there is a GPU")
def test_a_gpu_that_is_insisted_on_and_missing_is_an_error_with_a_way_out():
    with pytest.raises(UserError, match=r"no GPU to measure on: .*--device cpu"):
        detect("cuda")


def test_a_device_of_another_name_is_refused():
    with pytest.raises(UserError, match="no device 'tpu'; use one of auto, cpu, cuda"):
        detect("tpu")
