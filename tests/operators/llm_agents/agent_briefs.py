"""Briefs of every operator on one problem, with a small library, so that golden prompts change with prompts only."""

from dataclasses import replace
from pathlib import Path

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever
from egg_search.core.problem import Problem
from egg_search.core.survey import Survey
from egg_search.core.verdict import Errors, Interval, Outcome, PrecisionClass, Timing, Verdict
from evaluator.roofline.ceilings import Ceilings
from evaluator.roofline.work import LeastWork
from operators.base import Attempt, Brief, Known
from operators.handoff import hand_off
from principles import Library, Principle

HERE = Path(__file__).parent
H100 = Hardware("cuda", "NVIDIA H100", 132, 16, 233472, 50 << 20, 0, 80 << 30, 232448, 65536, 90)
CEILINGS = Ceilings(2.7e12, 3.0e12, 3.35e12, 5.0e13, 3.6e14, 7.0e14, 5.0e13, 2.1, 132, 50 << 20)
WORK = LeastWork(5120 * 1280 * 4 + 10240, 5120 * 1280 * 4, 0)
PROBLEM = Problem("layer_norm", (HERE / "data" / "layer_norm_problem.txt").read_text())
PARENT = Candidate((HERE / "data" / "layer_norm_triton.txt").read_text(), Dialect.TRITON)
BEST = {"K0_ROWS_PER_PROGRAM": 4, "K0_COL_BLOCK": 1024}


def principle(name, title, group, **more):
    prose = "Why it is so.\n\n**When.** Long rows.\n\n**When not.** Short ones."
    return Principle(name=name, title=title, group=group, prose=prose, source="test", **more)


LIBRARY = Library(
    [
        principle(
            "norm-in-one-read", "Read long rows once", "structure", kinds=("nest",), sets={"moments": "one pass"}
        ),
        principle("rows-per-program", "Several short rows a program", "mapping", knobs={"rows_per_program": (1, 2, 4)}),
        principle(
            "long-rows-in-blocks",
            "Go through long rows in blocks",
            "tiling",
            constraints=("rows_per_program * col_block * kernel.reductions * 4 <= 4 * hw.registers", "col_block >= 32"),
            knobs={"col_block": (512, 1024, 2048)},
        ),
        principle(
            "warps-by-tile",
            "Enough warps for a block's elements",
            "staging",
            constraints=("kernel.kind != 'nest' or col_block * rows_per_program <= 4096 * num_warps",),
            knobs={"num_warps": (2, 4, 8, 16)},
        ),
        principle("pairwise-sums", "Sum long rows in blocks", "precision"),
    ]
)
TRIED = (
    Attempt("four warps", "warps-by-tile", "ok", 1.21, "staging"),
    Attempt("16 stages", None, "build failed: out of resource: shared memory", None, "staging"),
    Attempt("store past the cache", None, "ok", 0.97, "staging"),
    Attempt("moments by Chan's formula", "norm-in-one-read", "ok", 0.9, "refine"),
    Attempt("one row a program", "rows-per-program", "refused: the structure moved: + kernel 1", None, "mapping"),
)
OK = Verdict(
    Outcome.OK,
    errors=Errors(1e-7, 2e-7, 0.3, 1.1e-7, PrecisionClass.FAITHFUL),
    timing=Timing(Interval(0.036, 0.035, 0.037), {"eager": 0.061}, {"eager": Interval(1.69, 1.66, 1.72)}, 100, 0.01),
    resources={
        "roofline": {"gb_s": 1456.0, "fraction": 0.53, "bound": "memory", "ceiling": "fp32"},
        "diagnosis": {"bottleneck": "memory", "evidence": ["moves 1.46 TB/s, 53 % of the bandwidth of 2.75 TB/s"]},
        "kernels": {
            "launches": 1,
            "us": 33.0,
            "longest": [{"name": "k0_kernel", "microseconds": 33.0, "grid": [1280, 1, 1], "registers": 64}],
        },
    },
)
WRONG = Verdict(
    Outcome.WRONG_VALUES, "own inputs: element (0, 3) is 0.5, expected 0.25, faithful limit 1e-06; 9 of 16 wrong"
)
KNOWN = (Known("a" * 16, "fuse all", ("launch kernel0 state0 input0 buffer0", "kernel 0: passes hold rows"), 1.5),)


def brief(operator, **changes):
    """A brief with all that a campaign can tell."""
    levers = {str(lever): lever for lever in Lever}
    parent = {} if operator == "seed" else {"parent": PARENT, "configuration": BEST, "verdict": OK}
    if operator == "repair":
        parent["verdict"] = WRONG
    if operator in levers:
        importances = {"K0_COL_BLOCK": 0.7, "K0_ROWS_PER_PROGRAM": 0.3}
        attempts = [each for each in TRIED if each.operator == "refine"]
        parent["handoff"] = hand_off(PARENT, "layer norm in one kernel", BEST, OK, attempts, importances)
    given = Brief(
        operator,
        PROBLEM,
        H100,
        Dialect.TRITON,
        seed=0,
        lever=levers.get(operator),
        tried=() if operator == "seed" else TRIED,
        limit=3,
        library=LIBRARY,
        step=7,
        known=KNOWN if operator in ("seed", "refine") else (),
        known_signatures=frozenset(each.signature for each in KNOWN),
        survey=Survey({"eager": 0.061, "torch.compile": 0.04}),
        work=WORK,
        ceilings=CEILINGS,
        **parent,
    )
    return replace(given, **changes)
