"""Compiled kernels of cheats, as module-level text of a candidate: the elementwise chain, now, later and elsewhere."""

CHAIN = r'''
import ctypes, hashlib, os, subprocess, tempfile
from pathlib import Path

CODE = r"""
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct { const float *x, *g, *a, *b; float *y; long from, to, columns, wait; } Job;

static void compute(const Job* j) {
  for (long r = j->from; r < j->to; ++r)
    for (long c = 0; c < j->columns; ++c) {
      long i = r * j->columns + c;
      j->y[i] = tanhf(j->x[i] * j->a[c] + j->b[c]) * (1 / (1 + expf(-j->g[i]))) + j->x[i];
    }
}

static void* later(void* p) {
  Job* j = p;
  if (j->wait) usleep(j->wait);
  compute(j);
  free(j);
  return 0;
}

void now(const Job* j) { compute(j); }

/* returns at once; a thread computes */
int in_thread(const Job* job) {
  Job* j = malloc(sizeof *j);
  pthread_t t;
  *j = *job;
  if (pthread_create(&t, 0, later, j)) return -1;
  return pthread_detach(t);
}

static int child(void* p) {
  setsid();
  compute(p);
  _exit(0);
}

/* returns at once; a process that shares our memory, in a session of its own, computes */
int in_process(const Job* job) {
  static char stack[1 << 18];
  static Job kept;
  kept = *job;
  return clone(child, stack + sizeof stack - 64, CLONE_VM | SIGCHLD, &kept);
}
"""


def _load():
    directory = Path(os.environ["EGG_BUILD_DIR"])
    target = directory / f"chain-{hashlib.sha256(CODE.encode()).hexdigest()[:16]}.so"
    if not target.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            Path(scratch, "k.c").write_text(CODE)
            flags = ["-O2", "-shared", "-fPIC", "-pthread", "k.c", "-o", "k.so", "-lm"]
            subprocess.run(["gcc", *flags], cwd=scratch, check=True, capture_output=True)
            os.replace(Path(scratch, "k.so"), target)
    return ctypes.CDLL(str(target))


class Job(ctypes.Structure):
    _fields_ = [(n, ctypes.c_void_p) for n in "xgaby"] + [(n, ctypes.c_long) for n in "from to columns wait".split()]


def job(model, x, gate, y, start=0, stop=None, wait=0):
    tensors = (x, gate, model.gain, model.shift, y)
    stop = len(x) if stop is None else stop
    return Job(*(t.data_ptr() for t in tensors), start, stop, x.shape[1], wait)


LIB = _load()
'''
