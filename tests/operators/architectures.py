"""Which kernels are compiled for which GPUs: all for sm_90, the others for all where code paths differ."""

from __future__ import annotations

import pytest

SHARED = {80: 163 << 10, 90: 227 << 10, 100: 227 << 10}  # bytes of a block


def kernels_and_architectures(kernels, representatives):
    """Parameters of a test: (kernel, architecture). What is beyond sm_90 and `representatives` is for `make chaos`."""
    return [
        pytest.param(kernel, arch, marks=() if arch == 90 or kernel in representatives else pytest.mark.chaos)
        for kernel in kernels
        for arch in SHARED
    ]
