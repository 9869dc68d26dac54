"""The expert's Triton candidates for bundled problems at the sizes of a GPU, none of which is needed.

    python tests/operators/triton_bundled/bundled_kernels.py [--seeds N] [--arch 90] [NAME ...]

compiles all kernels of the first N candidates of every problem whose path contains a NAME, and prints their resources.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import islice
from pathlib import Path

from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.problems import bundled
from operators.authors.expert.ir.ops import VIEWS
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.session import Session
from operators.authors.expert.structures.partition import LIBRARY_KIND
from operators.authors.expert.structures.seeds import seed_plans
from operators.authors.expert.triton.dialect import TritonDialect
from principles import load

GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536)


def candidates(path, count):
    """Kinds of kernels, operations that are left to torch (views of memory aside), and source of the first plans."""
    session = Session(Problem.from_file(path, profile="gpu"), TritonDialect(), GPU)
    for plan, _, _ in islice(seed_plans(session.captured, designer(session, load())), count):
        graph = session.graph(plan.rewrites)
        left = [graph[n].op for k in plan.kernels if k.kind == LIBRARY_KIND for n in k.nodes]
        kinds = [kernel.kind for kernel in plan.kernels]
        yield kinds, [op for op in left if op not in VIEWS], session.text(plan, "bundled")


def main():
    sys.path.insert(0, str(Path(__file__).parents[1] / "triton_nest"))
    from compiled import compiled

    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--arch", type=int, default=90)
    given = parser.parse_args()
    for name, path in bundled().items():
        if given.names and not any(each in str(path) for each in given.names):
            continue
        for number, (kinds, left, text) in enumerate(candidates(path, given.seeds)):
            print(f"{name} {number}: {', '.join(kinds)}{'; torch: ' + ', '.join(left) if left else ''}", flush=True)
            try:
                made = compiled(Path(tempfile.mkdtemp()), f"bundled_{name}_{number}", text, given.arch)
            except Exception as error:
                print(f"    FAILED {str(error).strip().splitlines()[-1:]}", flush=True)
                continue
            for k in made:
                told = f"{k.registers} registers, {k.shared >> 10} KB shared"
                print(f"    {k.name}: {told}{f', {k.spilled} bytes SPILLED' if k.spilled else ''}", flush=True)


if __name__ == "__main__":
    main()
