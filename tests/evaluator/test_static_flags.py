"""Flags from the syntax tree: codes of what is odd, silence about honest code."""

from __future__ import annotations

import textwrap

import pytest
from evaluator_samples import COMPILED, NORM_SOFTMAX

from evaluator.static import LIBRARY_ONLY, has_flag, static_flags

LOADED = "import ctypes, torch\nLIB = ctypes.CDLL('k.so')\n"
RETURN = "return LIB.k(x)"


def model(forward: str, before: str = LOADED, methods: str = "") -> str:
    body = textwrap.indent(textwrap.dedent(forward).strip(), " " * 8)
    more = textwrap.indent(textwrap.dedent(methods), " " * 4)
    head = textwrap.dedent(before)
    return f"{head}\n\nclass ModelNew(torch.nn.Module):\n{more}\n    def forward(self, x):\n{body}\n"


def codes(source: str) -> list[str]:
    return sorted({flag.partition(":")[0] for flag in static_flags(source)})


HONEST_FORWARDS = {
    "returns a call": RETURN,
    "writes an output": "y = torch.empty_like(x)\nLIB.k(x.data_ptr(), y.data_ptr(), x.numel())\nreturn y",
    "pointers in a list": "y = torch.empty_like(x)\np = [ctypes.c_void_p(t.data_ptr()) for t in (x, y)]\n"
    "LIB.k(*p)\nreturn y",
    "a view of its buffer": "y = torch.empty(8, 9)\nLIB.k(x.data_ptr(), y.data_ptr())\nreturn y[:, :8].reshape(-1)",
    "writes a view of the result": "y = torch.empty(8, 9)\nz = y.view(-1)\nLIB.k(x.data_ptr(), z.data_ptr())\nreturn y",
    "torch goes on": "y = torch.empty_like(x)\nLIB.k(x, y)\nz = torch.relu(y)\nreturn (z, {'sum': z.sum()})",
    "copies into": "y = torch.empty_like(x)\ny.copy_(LIB.k(x))\nreturn y",
    "fills a part": "y = torch.empty_like(x)\ny[0] = LIB.k(x)\nreturn y",
    "an out argument": "y = torch.empty_like(x)\ntorch.add(x, LIB.k(x), out=y)\nreturn y",
    "a copy changed in place, with scratch": "x = x.clone()\ns = torch.empty(4)\nLIB.k(x, s)\nreturn x",
    "in place": "LIB.k(x.data_ptr(), x.numel())\nreturn x",
    "a local name of it": "k = LIB.k\ny = torch.empty_like(x)\nk(x, y)\nreturn y",
    "by getattr": "y = torch.empty_like(x)\ngetattr(LIB, 'k')(x, y)\nreturn y",
    "collects results": "found = []\nfor row in x:\n    found.append(LIB.k(row))\nreturn torch.stack(found)",
    "guards its shapes": "if x.dim() != 2:\n    return torch.relu(x)\ny = torch.empty_like(x)\nLIB.k(x, y)\nreturn y",
    "an inner function": "def launch(y):\n    LIB.k(x, y)\ny = torch.empty_like(x)\nlaunch(y)\nreturn y",
    "looks for an attribute": "try:\n    s = x.scale\nexcept AttributeError:\n    s = 1.0\nreturn LIB.k(x, s)",
    "says what failed": "try:\n    return LIB.k(x)\nexcept OSError as error:\n    raise RuntimeError('k') from error",
}


@pytest.mark.parametrize("forward", HONEST_FORWARDS.values(), ids=HONEST_FORWARDS)
def test_honest_forwards_have_no_flag(forward):
    assert static_flags(model(forward)) == ()


HONEST_MODULES = {
    "compiled by hand": NORM_SOFTMAX + COMPILED,
    "a function runs it": model("return run(x)", LOADED + "def run(x):\n    return LIB.k(x)\n"),
    "a function launches it": model(
        "y = torch.empty_like(x)\nlaunch(x, y)\nreturn y",
        LOADED + "def launch(x, y):\n    n = x.numel()\n    scratch = torch.empty(8)\n    LIB.k(x, y, scratch, n)\n",
    ),
    "kept in an attribute": model(
        "return self.lib.k(x)",
        methods="def __init__(self):\n    super().__init__()\n    self.lib = ctypes.CDLL('k.so')\n",
    ),
    "a buffer of its own": model(
        "s = torch.empty(4)\nLIB.k(x, self.weight, self.out, s)\nreturn self.out",
        methods="def __init__(self):\n    super().__init__()\n    self.out = torch.empty(4)\n",
    ),
    "loaded when first wanted": model(
        "lib = load(x.dtype)\ny = torch.empty_like(x)\nlib.k(x, y)\nreturn y",
        "import ctypes, torch\nLIBS = {}\ndef load(dtype):\n    try:\n        return LIBS[dtype]\n"
        "    except KeyError:\n        LIBS[dtype] = ctypes.CDLL('k.so')\n        return LIBS[dtype]\n",
    ),
    "an autograd function": model(
        "return Scale.apply(x)",
        LOADED + "class Scale(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
        "        y = torch.empty_like(x)\n        LIB.k(x, y)\n        return y\n",
    ),
    "a submodule with the kernel": model(
        "return self.act(x)",
        LOADED + "class Act(torch.nn.Module):\n    def forward(self, x):\n        return LIB.k(x)\n",
        "def __init__(self):\n    super().__init__()\n    self.act = Act()\n",
    ),
    "triton": model(
        "y = torch.empty_like(x)\nscale[(4,)](x, y, x.numel(), BLOCK=64)\nreturn y",
        "import torch, triton\nimport triton.language as tl\n@triton.jit\n"
        "def scale(x, y, n, BLOCK: tl.constexpr):\n    i = tl.arange(0, BLOCK)\n    tl.store(y + i, tl.load(x + i))\n",
    ),
    "inline C++": model(
        "return EXT.k(x)",
        "import torch\nfrom torch.utils.cpp_extension import load_inline\nEXT = load_inline('k', 'code')\n",
    ),
    "a custom operator": model("return torch.ops.mine.k(x)", "import torch\ntorch.ops.load_library('k.so')\n"),
    "an optional import": model(RETURN, "try:\n    import triton\nexcept ImportError:\n    triton = None\n" + LOADED),
    "a load that explains itself": model(
        RETURN,
        "import ctypes, torch\ndef load():\n    try:\n        return ctypes.CDLL('k.so')\n    except OSError:\n"
        "        raise\nLIB = load()\n",
    ),
    "text that looks odd": model(RETURN, LOADED + "NOTE = 'import socket; eval(1); try: pass'\n"),
    "names like odd ones": model(
        "return compile(x).eval()", LOADED + "def compile(x):\n    return LIB.k(x)\nsocket = open_ = None\n"
    ),
    "types of arguments": model(RETURN, LOADED + "LIB.k.argtypes = [ctypes.c_void_p]\nLIB.k.restype = None\n"),
    "scoped settings": model(f"with torch.no_grad():\n    {RETURN}"),
}


@pytest.mark.parametrize("source", HONEST_MODULES.values(), ids=HONEST_MODULES)
def test_honest_modules_have_no_flag(source):
    assert static_flags(source) == ()


def test_a_library_port_is_told_from_a_kernel():
    flags = static_flags(model("return torch.relu(x)", "import torch\n"))
    assert flags == ("library-only: forward calls torch operators only, no kernel is loaded",)
    assert has_flag(flags, LIBRARY_ONLY)
    assert codes(model("return FAST(x)", "import torch\nFAST = torch.compile(torch.relu)\n")) == [LIBRARY_ONLY]
    assert codes(model("return FAST(x)", "import torch\n@torch.jit.script\ndef FAST(x):\n    return x\n")) == [
        LIBRARY_ONLY
    ]
    assert not has_flag(static_flags(model(RETURN)), LIBRARY_ONLY)


DEAD_FORWARDS = {
    "never launched": "return torch.relu(x)",
    "its output is dropped": "out = torch.relu(x)\ny = torch.empty_like(out)\nLIB.k(x, y)\nreturn out",
    "the model's weight goes in": "y = torch.empty(4)\nLIB.k(x, self.weight, y)\n"
    "return torch.nn.functional.linear(x, self.weight)",
    "its result is dropped": "y = LIB.k(x)\nreturn torch.relu(x)",
    "a view of the input goes in": "x = x.contiguous()\ny = torch.empty_like(x)\nLIB.k(x.view(-1), y)\n"
    "return torch.relu(x)",
    "under if False": "y = torch.relu(x)\nif False:\n    y = LIB.k(x)\nreturn y",
    "after the return": "return torch.relu(x)\nreturn LIB.k(x)",
    "in a method that nobody calls": "return torch.relu(x)",
}


@pytest.mark.parametrize("forward", DEAD_FORWARDS.values(), ids=DEAD_FORWARDS)
def test_dead_kernels(forward):
    assert codes(model(forward, methods="def spare(self, x):\n    return LIB.k(x)\n")) == ["dead-kernel"]


def test_a_kernel_that_a_function_drops_is_dead():
    run = "def run(x):\n    y = torch.empty_like(x)\n    LIB.k(x, y)\n    return torch.relu(x)\n"
    flags = static_flags(model("return run(x)", LOADED + run))
    assert flags == ("dead-kernel: nothing that the launch at line 12 writes is in what forward returns",)


def test_a_kernel_of_the_same_name_as_an_operator_is_not_taken_for_it():
    source = model("return torch.softmax(x, -1)", LOADED + "def softmax(x):\n    return LIB.k(x)\n")
    assert codes(source) == ["dead-kernel"]


FALL_BACKS = {
    "returns torch's": "try:\n    return LIB.k(x)\nexcept Exception:\n    return torch.relu(x)",
    "goes on": "try:\n    return LIB.k(x)\nexcept Exception:\n    pass\nreturn torch.relu(x)",
    "sets the result": "try:\n    y = LIB.k(x)\nexcept (OSError, RuntimeError):\n    y = torch.relu(x)\nreturn y",
    "suppresses": "import contextlib\nwith contextlib.suppress(Exception):\n    return LIB.k(x)\nreturn torch.relu(x)",
}


@pytest.mark.parametrize("forward", FALL_BACKS.values(), ids=FALL_BACKS)
def test_fall_backs(forward):
    assert codes(model(forward)) == ["fall-back"]
    assert codes(model("return run(x)", LOADED + "def run(x):\n" + textwrap.indent(forward, "    "))) == ["fall-back"]


def test_a_load_that_may_fail_in_silence_is_a_fall_back():
    load = "import ctypes, torch\ntry:\n    LIB = ctypes.CDLL('k.so')\nexcept OSError:\n    LIB = None\n"
    assert codes(model(f"if LIB is None:\n    return torch.relu(x)\n{RETURN}", load)) == ["fall-back"]


ODD = {
    "import socket": "suspicious-import",
    "from urllib import request": "suspicious-import",
    "import inspect as i": "suspicious-import",
    "import pickle as numbers": "suspicious-import",
    "from pickle import loads": "suspicious-import",
    "import evaluator.trial": "suspicious-import",
    "from torch import multiprocessing": "suspicious-import",
    "import importlib; importlib.import_module('evaluator')": "suspicious-import",
    "import importlib; importlib.import_module('eva' + 'luator')": "run-time-code",
    "exec('x = 1')": "run-time-code",
    "import builtins; builtins.eval('1')": "run-time-code",
    "import sys; sys._getframe(1)": "frame-walking",
    "from sys import _getframe as f; f().f_back": "frame-walking",
    "import sys; sys.modules['time']": "frame-walking",
    "ctypes.CDLL(None).nice(5)": "system-library",
    "ctypes.CDLL('libc.so.6').syscall(39)": "system-library",
    "import os; os.fork()": "process-control",
    "import os; os.sched_setaffinity(0, {0})": "process-control",
    "import threading; threading.Thread(target=print).start()": "threads",
    "import time; time.perf_counter = lambda: 0": "patch",
    "torch.nn.functional.relu = torch.tanh": "patch",
    "import builtins; setattr(builtins, 'abs', id)": "patch",
    "from torch import Tensor; Tensor.__eq__ = None": "patch",
    "vars(torch)['allclose'] = print": "patch",
    "t = torch; t.allclose = print": "patch",
    "torch.set_num_threads(1)": "global-setting",
    "from torch import set_flush_denormal as f; f(True)": "global-setting",
    "torch.backends.cuda.matmul.allow_tf32 = True": "global-setting",
}


@pytest.mark.parametrize(("statement", "code"), ODD.items(), ids=ODD)
def test_what_no_kernel_needs(statement, code):
    assert code in codes(model(RETURN, LOADED + statement + "\n"))


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("import subprocess; subprocess.run(['true'])", "process-control"),
        ("open('/tmp/x').read()", "file-access"),
        ("torch.save(x, 'x.pt')", "file-access"),
        ("from concurrent.futures import ThreadPoolExecutor; ThreadPoolExecutor(2)", "threads"),
    ],
)
def test_what_belongs_on_import_is_odd_in_forward(statement, code):
    assert codes(model(f"{statement}\n{RETURN}")) == [code]
    assert codes(model(RETURN, LOADED + statement.replace("(x, ", "(LIB, ") + "\n")) == []


def test_flags_say_where():
    assert static_flags(model(RETURN, "import socket\n" + LOADED)) == (
        "suspicious-import: socket (the network) at line 1",
    )


def test_what_is_nested_too_deeply_is_said_to_be():
    assert codes(model("return x" + ".a" * 1500)) == ["unreadable"]
