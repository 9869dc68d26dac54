"""Threads that finish in time."""

from entries import entry
from honest.compiled import LOADER

_ROWS = """
y = torch.empty_like(x)
half = x.shape[0] // 2
def work(part):
    with torch.no_grad():  # a setting of each thread
        torch.softmax(self.norm(x[part]), dim=-1, out=y[part])
"""
_CPP_THREADS = r"""
CODE = r'''
#include <cstdint>
#include <thread>
#include <vector>
#include <algorithm>
extern "C" void total(const float* x, float* y, int64_t rows, int64_t n) {
  auto work = [=](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; ++r) {
      double sum = 0;
      for (int64_t i = 0; i < n; ++i) y[r * n + i] = float(sum += x[r * n + i]);
    }
  };
  std::vector<std::thread> threads;
  const int64_t step = (rows + 1) / 2;
  for (int64_t from = 0; from < rows; from += step) threads.emplace_back(work, from, std::min(rows, from + step));
  for (auto& each : threads) each.join();
}
'''
LIBRARY = compile_and_load(CODE, ["-O2", "-shared", "-fPIC", "-pthread"])
"""

ENTRIES = [
    entry(
        "a pool of two",
        "norm_softmax",
        _ROWS
        + "with ThreadPoolExecutor(2) as pool:\n    list(pool.map(work, (slice(half), slice(half, None))))\nreturn y",
        before="from concurrent.futures import ThreadPoolExecutor",
    ),
    entry(
        "a pool that is kept",
        "norm_softmax",
        _ROWS + "list(POOL.map(work, (slice(half), slice(half, None))))\nreturn y",
        before="from concurrent.futures import ThreadPoolExecutor\nPOOL = ThreadPoolExecutor(2)",
    ),
    entry(
        "a pool that is kept by the model",
        "norm_softmax",
        _ROWS + "list(self.pool.map(work, (slice(half), slice(half, None))))\nreturn y",
        before="from concurrent.futures import ThreadPoolExecutor",
        init="self.pool = ThreadPoolExecutor(2)",
    ),
    entry(
        "threads",
        "norm_softmax",
        _ROWS
        + """
threads = [threading.Thread(target=work, args=(part,)) for part in (slice(half), slice(half, None))]
for each in threads: each.start()
for each in threads: each.join()
return y
""",
        before="import threading",
    ),
    entry(
        "threads of C++",
        "running_total",
        """
        x = x.contiguous()
        y = torch.empty_like(x)
        LIBRARY.total(*pointers(x, y), ctypes.c_int64(x.shape[0]), ctypes.c_int64(x.shape[1]))
        return y
        """,
        before=LOADER + _CPP_THREADS,
    ),
    entry("torch.jit.fork", "norm_softmax", "return torch.jit.wait(torch.jit.fork(super().forward, x))"),
    entry(
        "another number of threads",
        "linear_gelu",
        "torch.set_num_threads(1)\nreturn super().forward(x)",
    ),
    entry(
        "a daemon that waits for work",
        "norm_softmax",
        """
        done = queue.Queue()
        self.work.put((x, done))
        return done.get()
        """,
        before="import queue, threading",
        init="""
        self.work = queue.Queue()
        def serve():
            while True:
                x, done = self.work.get()
                with torch.no_grad():
                    done.put(Model.forward(self, x))
        threading.Thread(target=serve, daemon=True).start()
        """,
    ),
    entry(
        "asyncio",
        "norm_softmax",
        """
        async def work():
            return Model.forward(self, x)
        return asyncio.run(work())
        """,
        before="import asyncio",
    ),
]
