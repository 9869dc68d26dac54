"""Habits of programs: talk, imports, files of their own, introspection, other names for the same."""

from entries import entry
from honest.compiled import LOADER

SAME = "return super().forward(x)"
ENTRIES = [
    entry(
        "talks a lot",
        "norm_softmax",
        """
        print("forward", tuple(x.shape), x.dtype, "mean", float(x.mean()), flush=True)
        print(x, file=sys.stderr)
        """
        + SAME,
        before="import sys\nfor number in range(2000): print('import', number)",
    ),
    entry(
        "logs",
        "norm_softmax",
        "LOG.warning('forward %s', x.shape)\n" + SAME,
        before="import logging\nlogging.basicConfig(level=10)\nLOG = logging.getLogger(__name__)\nLOG.info('import')",
    ),
    entry("warns", "norm_softmax", "warnings.warn('slow path')\n" + SAME, before="import warnings"),
    entry(
        "optional imports",
        "norm_softmax",
        SAME,
        before="""
try:
    import triton
    import triton.language as tl
    HAS_TRITON = torch.cuda.is_available()
except ImportError:
    HAS_TRITON = False
try:
    import cupy, numba
except Exception as error:
    cupy = numba = None
        """,
    ),
    entry(
        "half of the standard library",
        "norm_softmax",
        SAME,
        before="""
import abc, argparse, array, ast, asyncio, base64, bisect, bz2, calendar, collections, concurrent.futures, configparser
import contextvars, copy, csv, dataclasses, datetime, decimal, difflib, dis, email, enum, fractions, functools, getpass
import glob, gzip, hashlib, heapq, hmac, http.client, importlib, inspect, io, itertools, json, locale, logging, lzma
import mmap, multiprocessing, operator, pathlib, pickle, pkgutil, platform, pprint, queue, random, re, sched, secrets
import select, selectors, shelve, shlex, shutil, signal, socket, sqlite3, ssl, stat, statistics, string, struct
import subprocess, sysconfig, tarfile, tempfile, textwrap, threading, timeit, tokenize, traceback, types, typing
import unittest, urllib.request, uuid, weakref, xml.etree.ElementTree, zipfile, zlib, zoneinfo
        """,
    ),
    entry(
        "half of torch",
        "norm_softmax",
        SAME,
        before="""
import torch.fx, torch.autograd, torch.profiler, torch.utils.benchmark, torch.utils.checkpoint
import torch.nn.functional as F
from torch.utils import cpp_extension
from torch.utils.data import DataLoader
        """,
    ),
    entry(
        "numpy's and torch's versions",
        "norm_softmax",
        """
        assert tuple(map(int, torch.__version__.split("+")[0].split(".")[:2])) >= (2, 0)
        """
        + SAME,
        before="import numpy\nVERSION = numpy.__version__, torch.__version__, torch.__config__.show()",
    ),
    entry(
        "looks at the machine",
        "norm_softmax",
        SAME,
        before="""
import multiprocessing, os, platform, resource, socket, sys, time
CORES = multiprocessing.cpu_count(), os.cpu_count(), len(os.sched_getaffinity(0)), torch.get_num_threads()
NAMES = platform.machine(), platform.processor(), platform.uname(), platform.node(), sys.version, os.getpid()
PAGE, LIMITS = resource.getpagesize(), resource.getrlimit(resource.RLIMIT_STACK)
FLAGS = [line for line in open("/proc/cpuinfo") if line.startswith("flags")][:1]
MEMORY = open("/proc/meminfo").readline(), os.sysconf("SC_PHYS_PAGES")
CACHES = torch.backends.cpu.get_cpu_capability(), torch.__config__.parallel_info()
STARTED = time.time(), os.getcwd(), os.uname(), os.getloadavg(), os.path.expanduser("~")
        """,
    ),
    entry(
        "environment variables",
        "norm_softmax",
        SAME,
        before="""
import os
THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
os.environ.setdefault("KMP_BLOCKTIME", "0")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "kernels")
DEBUG = os.getenv("DEBUG") == "1"
        """,
    ),
    entry(
        "a cache directory in the home, when there is one",
        "norm_softmax",
        SAME,
        before="""
import os
from pathlib import Path
try:
    CACHE = Path.home() / ".cache" / "egg-test-kernels"
    CACHE.mkdir(parents=True, exist_ok=True)
    CACHE.rmdir()
except OSError:
    CACHE = None
        """,
    ),
    entry(
        "temporary files",
        "norm_softmax",
        """
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "tensor.pt")
            torch.save({"eps": self.norm.eps}, path)
            eps = torch.load(path)["eps"]
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write(str(eps)); file.flush(); file.seek(0)
            eps = float(file.read())
        return torch.softmax(nn.functional.layer_norm(x, x.shape[-1:], self.norm.weight, self.norm.bias, eps), -1)
        """,
        before="import os, tempfile",
    ),
    entry(
        "a file in /tmp, written at import",
        "norm_softmax",
        """
        with open(PATH) as file:
            assert file.read() == "plan"
        """
        + SAME,
        before="""
import os
PATH = f"/tmp/egg-honest-{os.getpid()}.txt"
with open(PATH, "w") as file:
    file.write("plan")
        """,
    ),
    entry(
        "a table in the build directory, made at import",
        "norm_softmax",
        SAME + " * TABLE[0]",
        before="""
import os
PATH = os.path.join(os.environ.get("EGG_BUILD_DIR", "."), "table-of-ones.pt")
if not os.path.exists(PATH):
    torch.save(torch.ones(4), PATH + ".new")
    os.replace(PATH + ".new", PATH)
TABLE = torch.load(PATH)
        """,
    ),
    entry(
        "the garbage collector", "norm_softmax", "gc.collect()\n" + SAME, before="import gc\ngc.disable()\ngc.freeze()"
    ),
    entry(
        "no garbage collector in forward",
        "norm_softmax",
        """
        gc.disable()
        try:
            return super().forward(x)
        finally:
            gc.enable()
        """,
        before="import gc",
    ),
    entry(
        "random numbers for nothing",
        "norm_softmax",
        """
        order = list(range(4))
        random.shuffle(order)
        rows = x.split((x.shape[0] + 3) // 4)
        done = {number: Model.forward(self, rows[number]) for number in order if number < len(rows)}
        return torch.cat([done[number] for number in sorted(done)])
        """,
        before="import random, secrets\nrandom.seed()\nTOKEN = secrets.token_hex(8)\ntorch.manual_seed(0)",
    ),
    entry(
        "draws from torch's generator at import and init",
        "linear_gelu",
        init="torch.rand(10); torch.manual_seed(3)",
        before="NOISE = torch.randn(100)",
    ),
    entry("a slow constructor", "norm_softmax", SAME, before="import time", init="time.sleep(0.5)"),
    entry("a slow import", "norm_softmax", SAME, before="import time\ntime.sleep(0.5)"),
    entry(
        "a first call that is slow",
        "norm_softmax",
        """
        if not self.warm:
            time.sleep(0.3)
            self.warm = True
        """
        + SAME,
        before="import time",
        init="self.warm = False",
    ),
    entry(
        "eval and exec of constants",
        "norm_softmax",
        "return helper(self, x)",
        before="""
UNROLL = eval("2 ** 3")
exec(compile("def helper(self, x):\\n    return Model.forward(self, x)", "<generated>", "exec"))
        """,
    ),
    entry(
        "a template of Python",
        "norm_softmax",
        "return FORWARD(self, x)",
        before="""
import textwrap
names = {}
exec(textwrap.dedent('''
    def forward(self, x):
        return torch.softmax(self.norm(x), dim=-1)
'''), {"torch": torch}, names)
FORWARD = names["forward"]
        """,
    ),
    entry(
        "dataclasses and enums",
        "norm_softmax",
        """
        plan = Plan(x.shape[0], Kind.ROWS)
        return super().forward(x) if plan.kind is Kind.ROWS else None
        """,
        before="""
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

class Kind(Enum):
    ROWS = auto()
    COLUMNS = auto()

@dataclass(frozen=True, slots=True)
class Plan:
    rows: int
    kind: Kind = field(default=Kind.ROWS)

class Tile(NamedTuple):
    m: int = 4
    n: int = 8
        """,
    ),
    entry(
        "annotations from the future",
        "norm_softmax",
        SAME,
        before="""
import typing
from typing import get_type_hints

def kernel(x: "torch.Tensor", n: int = 3) -> "torch.Tensor":
    return x

HINTS = get_type_hints(kernel)
        """,
    ),
    entry(
        "inspects its own source",
        "norm_softmax",
        SAME,
        before="""
import inspect, sys

def helper(a):
    return a + 1

TEXT = inspect.getsource(helper)
assert "a + 1" in TEXT and __name__ in sys.modules
SELF = sys.modules[__name__]
        """,
    ),
    entry(
        "pickles its own class",
        "norm_softmax",
        SAME,
        before="import copy, pickle",
        init="""
        plan = pickle.loads(pickle.dumps({"type": type(self)}))
        assert plan["type"] is type(self)
        self.norm = copy.deepcopy(self.norm)
        """,
    ),
    entry(
        "context variables",
        "norm_softmax",
        """
        token = DEPTH.set(DEPTH.get() + 1)
        try:
            return super().forward(x)
        finally:
            DEPTH.reset(token)
        """,
        before="from contextvars import ContextVar\nDEPTH = ContextVar('depth', default=0)",
    ),
    entry(
        "signals, looked at and set",
        "norm_softmax",
        SAME,
        before="""
import faulthandler, signal, sys
OLD = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.setrecursionlimit(10_000)
sys.setswitchinterval(0.001)
faulthandler.enable()
        """,
    ),
    entry("something at exit", "norm_softmax", SAME, before="import atexit\natexit.register(print, 'bye')"),
    entry(
        "a deep recursion",
        "norm_softmax",
        "assert depth(3000) == 3000\n" + SAME,
        before="""
import sys
sys.setrecursionlimit(20_000)
def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)
        """,
    ),
    entry(
        "a large stack",
        "running_total",
        """
        x = x.contiguous()
        y = torch.empty_like(x)
        LIBRARY.total(*pointers(x, y), ctypes.c_int64(x.shape[0]), ctypes.c_int64(x.shape[1]))
        return y
        """,
        before=LOADER
        + r'''
LIBRARY = compile_and_load("""
#include <cstdint>
#include <cstring>
extern "C" void total(const float* x, float* y, int64_t rows, int64_t n) {
  volatile float big[1 << 20];  // 4 MB
  for (int64_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      big[i % (1 << 20)] = float(sum += x[r * n + i]);
      y[r * n + i] = big[i % (1 << 20)];
    }
  }
}
""")
''',
    ),
    entry(
        "a thread with a large stack",
        "norm_softmax",
        """
        result = []
        thread = threading.Thread(target=lambda: result.append(Model.forward(self, x)))
        thread.start(); thread.join()
        return result[0]
        """,
        before="import threading\nthreading.stack_size(64 << 20)",
    ),
]
