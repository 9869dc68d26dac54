"""What needs a GPU, on all GPUs there are: first what load does not disturb, in several processes a GPU, then what it
does, one test after another on each.

    python tests/on_gpus.py JOBS [ARGUMENT OF PYTEST ...]

All parts always run; their failures and closing lines come again at the end, and any may fail the whole.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from in_two_parts import EMPTY, part
from shares import SHARE


def visible():
    """What CUDA_VISIBLE_DEVICES is to say for each GPU; one without a name where none is found: tests say so."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return [each.strip() for each in told.split(",") if each.strip()] or [told]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    except OSError:
        listed = ""
    count = sum(line.startswith("GPU ") for line in listed.splitlines())
    return [str(index) for index in range(count)] or [None]


def on_one(index, gpus, jobs, arguments):
    """(exit code, closing lines) of both parts."""
    environment = {**os.environ, SHARE: f"{index}/{len(gpus)}"}
    if gpus[index] is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpus[index]
    together = part("gpu and not chaos and not alone", "-n", jobs, *arguments, environment=environment)
    alone = part("gpu and not chaos and alone", *arguments, environment=environment)
    return [together, alone]


def main(jobs, *arguments):
    gpus = visible()
    with ThreadPoolExecutor(len(gpus)) as pool:
        found = list(pool.map(lambda index: on_one(index, gpus, jobs, arguments), range(len(gpus))))
    for gpu, parts in zip(gpus, found, strict=True):
        print("\n".join(["", f"GPU {gpu}", *(line for _, told in parts for line in told)]), flush=True)
    codes = {code for parts in found for code, _ in parts}
    return next(iter(codes - {0, EMPTY}), min(codes))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
