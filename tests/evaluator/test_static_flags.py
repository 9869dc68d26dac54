"""Flags from the syntax tree."""

from __future__ import annotations

import pytest
from evaluator_samples import COMPILED, NORM_SOFTMAX

from evaluator.static import static_flags

LOADED = "import ctypes, torch\nLIB = ctypes.CDLL('k.so')\n"
MODEL = "class ModelNew(torch.nn.Module):\n    def forward(self, x):\n        "


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (NORM_SOFTMAX + COMPILED, ()),
        (LOADED + MODEL + "return LIB.k(x)", ()),
        (LOADED + "def run(x):\n    return LIB.k(x)\n" + MODEL + "return run(x)", ()),
        ("import torch\n" + MODEL + "return x", ("only library calls: no kernel is loaded",)),
        (LOADED + MODEL + "return torch.relu(x)", ("dead kernel: forward reaches no kernel",)),
        (
            LOADED + MODEL + "try:\n            return LIB.k(x)\n        except Exception:\n            return x",
            ("try/except on the way of forward",),
        ),
        ("import socket\n" + LOADED + MODEL + "return LIB.k(x)", ("suspicious import: socket",)),
        (LOADED + MODEL + "return eval('LIB.k(x)') or LIB.k(x)", ("runs code made at run time: eval",)),
        (
            "import ctypes, torch\ndef load():\n    try:\n        return ctypes.CDLL('k.so')\n    except OSError:\n"
            "        raise\nLIB = load()\n" + MODEL + "return LIB.k(x)",
            (),
        ),
        (LOADED + "NOTE = 'import socket; eval(1); try: pass'\n" + MODEL + "return LIB.k(x)", ()),
    ],
)
def test_flags(source, expected):
    assert static_flags(source) == expected


def test_kernel_kept_in_an_attribute_is_no_dead_kernel():
    source = """
import ctypes, torch
class ModelNew(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lib = ctypes.CDLL("k.so")
    def forward(self, x):
        return self.lib.k(x)
"""
    assert static_flags(source) == ()
