"""Programs in processes of their own, forked from one that has imported torch and, to interpret kernels, Triton.

What a program does to its memory is nobody else's, and the imports, which take seconds, are paid for once.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache

_PARENT = """
import json, os, signal, sys, torch
try:
    import triton
except ImportError:
    pass
torch.set_num_threads(1)
for line in sys.stdin:
    text, arguments, seconds, log = json.loads(line)
    child = os.fork()
    if child == 0:
        signal.alarm(seconds)
        told = os.open(log, os.O_WRONLY)
        os.dup2(told, 1), os.dup2(told, 2)
        sys.argv = ["-c", *arguments]
        code = 1
        try:
            exec(compile(text, "program", "exec"), {"__name__": "__main__"})
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@cache
def _parent():
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", _PARENT]
    parent = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(parent.kill)
    return parent


def run(text, *arguments, seconds=280):
    """Runs a program on `arguments`, Triton interpreted; fails with the end of its output where it fails."""
    parent = _parent()
    with tempfile.NamedTemporaryFile("r", errors="replace") as log:
        print(json.dumps([text, [str(each) for each in arguments], seconds, log.name]), file=parent.stdin, flush=True)
        code = int(parent.stdout.readline())
        assert code == 0, f"exit code {code}: {log.read()[-3000:]}"
