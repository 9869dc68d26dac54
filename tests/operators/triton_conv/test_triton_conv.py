"""Triton convolutions in the interpreter: every structure on random graphs, and what random graphs rarely meet.

The interpreter multiplies in float32, whatever precision is asked for, and gets bfloat16 wrong: both are for a GPU.
"""

import pytest

pytest.importorskip("triton")

from convolutions import CONV, Grammar, case, check, structures

from operators.authors.expert.triton.nest.schedule import NOMINAL


def random_case(seed):
    grammar = Grammar(seed)
    graph, inputs = grammar.graph()
    pick = grammar.random.choice
    values = {"block_m": pick([16, 32]), "block_n": pick([16, 32]), "block_k": pick([16, 32])}
    values |= {
        "group_m": pick([1, 2, 8]),
        "promote": pick([0, 32]),
        "block": pick([16, 64]),
        "planes": pick([1, 4]),
        "split_k": pick([2, 4]),
    }
    choices = pick(structures(graph))
    if choices["convolution"] == "implicit" and CONV.facts(graph, case(graph).plan, NOMINAL)["phases"] == 1:
        choices["product"] = pick(["tiled", "split"])
    return case(graph, inputs, choices, **values)


@pytest.mark.parametrize("start", [0, 20])
def test_any_convolution_in_any_structure(tmp_path, start):
    check(tmp_path, [random_case(seed) for seed in range(start, start + 20)])
