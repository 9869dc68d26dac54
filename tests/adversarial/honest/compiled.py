"""Kernels that are compiled: at import, in the constructor, in the first forward; with the results kept or not."""

import hashlib

from entries import entry, source_of

FLAGS = ["-O2", "-shared", "-fPIC", "-fopenmp"]
CODE = r"""
#include <cmath>
#include <cstdint>
extern "C" void gate(const float* x, const float* g, const float* a, const float* b, float* y,
                     int64_t rows, int64_t n) {
#pragma omp parallel for
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < n; ++i) {
      const float v = x[r * n + i];
      y[r * n + i] = std::tanh(v * a[i] + b[i]) / (1.0f + std::exp(-g[r * n + i])) + v;
    }
}
"""
RESULT = hashlib.sha256((CODE + str(FLAGS)).encode()).hexdigest()[:16] + ".so"

LOADER = f'''
import ctypes, hashlib, os, subprocess, tempfile
from pathlib import Path

FLAGS = {FLAGS}
CODE = r"""{CODE}"""


def compile_and_load(code=CODE, flags=FLAGS):
    directory = Path(os.environ.get("EGG_BUILD_DIR", tempfile.gettempdir()))
    target = directory / (hashlib.sha256((code + str(flags)).encode()).hexdigest()[:16] + ".so")
    if not target.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            source, result = Path(scratch) / "kernel.cpp", Path(scratch) / "kernel.so"
            source.write_text(code)
            subprocess.run(["g++", *flags, str(source), "-o", str(result)], check=True, capture_output=True)
            os.replace(result, target)
    return ctypes.CDLL(str(target))


def pointers(*tensors):
    return [ctypes.c_void_p(each.data_ptr()) for each in tensors]


def gated(library, x, gate, gain, shift):
    x, gate = x.contiguous(), gate.contiguous()
    y = torch.empty_like(x)
    sizes = map(ctypes.c_int64, (x.numel() // x.shape[-1], x.shape[-1]))
    library.gate(*pointers(x, gate, gain, shift, y), *sizes)
    return y
'''
CALL = "return gated(LIBRARY, x, gate, self.gain, self.shift)"
AT_IMPORT = LOADER + "\n\nLIBRARY = compile_and_load()\n"
SOURCE = source_of("gated_chain", CALL, before=AT_IMPORT)

ENTRIES = [
    entry("compiled at import", "gated_chain", CALL, before=AT_IMPORT),
    entry(
        "compiled at import, after a look at the compiler's version",
        "gated_chain",
        CALL,
        before=LOADER
        + """
print("compiling", __name__, __file__)
subprocess.run(["g++", "--version"], check=True)
LIBRARY = compile_and_load(flags=[*FLAGS, "-O3", "-march=native"])
""",
    ),
    entry(
        "compiled in the constructor",
        "gated_chain",
        CALL.replace("LIBRARY", "self.library"),
        before=LOADER,
        init="self.library = compile_and_load(flags=[*FLAGS, '-DCONSTRUCTOR'])",
    ),
    entry(
        "compiled in the first forward",
        "gated_chain",
        """
        if not hasattr(self, "library"):
            self.library = compile_and_load(flags=[*FLAGS, "-DLAZY"])
        return gated(self.library, x, gate, self.gain, self.shift)
        """,
        before=LOADER,
    ),
    entry(
        "a shell is asked for the compiler first",
        "gated_chain",
        CALL,
        before=LOADER
        + """
with tempfile.TemporaryDirectory() as scratch:
    if os.environ.get("CXX") or os.system("command -v g++ > /dev/null") == 0:
        pass
LIBRARY = compile_and_load(flags=[*FLAGS, "-DSHELL"])
""",
    ),
    entry(
        "two kernels compiled beside each other",
        "gated_chain",
        CALL,
        before=LOADER
        + """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    first = pool.submit(compile_and_load, CODE, [*FLAGS, "-DFIRST"])
    LIBRARY = compile_and_load(CODE, [*FLAGS, "-DSECOND"])
    first.result()
""",
    ),
    entry(
        "a compiler's flag that is tried",
        "gated_chain",
        CALL,
        before=LOADER
        + """
try:
    LIBRARY = compile_and_load(flags=[*FLAGS, "-fno-such-flag"])
except Exception:
    LIBRARY = compile_and_load(flags=[*FLAGS, "-DTRIED"])
""",
    ),
    entry(
        "the number of cores from the shell",
        "gated_chain",
        CALL,
        before=LOADER
        + """
CORES = os.cpu_count() or 1
LIBRARY = compile_and_load(flags=[*FLAGS, f"-DCORES={CORES}"])
with open("/proc/cpuinfo") as file:
    VECTOR = "avx2" in file.read()
""",
    ),
    entry(
        "compiled into the temporary directory",
        "gated_chain",
        CALL,
        before=LOADER.replace('os.environ.get("EGG_BUILD_DIR", tempfile.gettempdir())', "tempfile.gettempdir()")
        + """
LIBRARY = compile_and_load(flags=[*FLAGS, "-DTEMPORARY"])
""",
    ),
]
