"""The suite in two parts: what load does not disturb in several processes, then what it does, one test after another.

    python tests/in_two_parts.py JOBS [ARGUMENT OF PYTEST ...]

Both parts always run; their failures and closing lines come again at the end, and either may fail the whole.
"""

from __future__ import annotations

import os
import subprocess
import sys

EMPTY = 5  # what pytest returns where the arguments select nothing of a part
SUMMARY = "short test summary info"


def part(marks, *arguments, environment=os.environ):
    """(exit code, closing lines) of pytest, whose output is passed on as it comes."""
    command = [sys.executable, "-m", "pytest", "-m", marks, *arguments]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    told = b""
    while chunk := running.stdout.read1():
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
        told += chunk
    lines = told.decode(errors="replace").rstrip().splitlines()
    start = next((i for i, line in enumerate(lines) if SUMMARY in line), len(lines) - 1)
    return running.wait(), lines[max(start, 0) :]


def main(jobs, *arguments):
    # Threads that wait must not spin: all cores have work. Files in their order: by number of tests, whole runs, few
    # and long, would come last, and other cores be idle.
    several = ("-n", jobs, "--dist", "loadfile", "--no-loadscope-reorder")
    patient = {"OMP_WAIT_POLICY": "passive", **os.environ}
    first, told_first = part("not chaos and not alone", *several, *arguments, environment=patient)
    second, told_second = part("not chaos and alone", *arguments)
    print("\n".join(["", *told_first, *told_second]), flush=True)
    codes = {first, second}
    return next(iter(codes - {0, EMPTY}), min(codes))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
