"""Forwards that are launched as one CUDA graph: where they are offered, what they say, how they are told apart."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import forked
import pytest
import torch
from library_sessions import plan, session

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.signature import structure
from operators.authors.expert.emit.launch import CUDA_GRAPH
from operators.authors.expert.emit.plan_text import read_plan
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.structures.launch import waits_for_launches
from operators.authors.expert.structures.seeds import seed_plans
from principles import load

SHORT = ("convolutions", "product", "recurrent", "softmax")


def seeds(name):
    of = session(name)
    return of, [found for found, _, _ in seed_plans(of.captured, designer(of, load()))]


@pytest.mark.parametrize("name", SHORT)
def test_short_sequences_are_offered_as_a_graph_second(name):
    _, found = seeds(name)
    assert [each.launch for each in found[:2]] == ["", "graph"]
    assert replace(found[1], launch="") == found[0]


@pytest.mark.parametrize("name", ["long", "one kernel"])
def test_long_work_and_single_kernels_are_not(name):
    _, found = seeds(name)
    assert {each.launch for each in found} == {""}


def test_state_that_a_call_overwrites_forbids_it():
    of = session("product")
    graph = replace(of.captured, mutations={"weight": of.captured.outputs[0]})
    assert waits_for_launches(of.captured, plan(of))
    assert not waits_for_launches(graph, plan(of))


@pytest.mark.parametrize("name", SHORT)
def test_a_graph_is_another_structure_and_survives_the_text(name):
    of = session(name)
    plain, captured = plan(of), plan(of, launch="graph")
    texts = [of.text(each, "it") for each in (plain, captured)]
    first, second = (structure(text, Dialect.TRITON) for text in texts)
    assert first != second
    assert read_plan(texts[1]) == captured and read_plan(texts[0]) == plain
    assert '"launch"' not in texts[0] and "_EggGraph" not in texts[0]
    Candidate(texts[1], Dialect.TRITON)


def test_a_captured_plan_can_be_launched_one_by_one_again():
    of = session("product")
    told = dict(
        (text, other) for other, text in designer(of, load()).alternatives(of.captured, plan(of, launch="graph"))
    )
    assert told["kernels launched one by one"] == plan(of)


_CALL = """
import importlib.util, sys, torch
spec = importlib.util.spec_from_file_location("candidate", sys.argv[1])
candidate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(candidate)
torch.manual_seed(1)
ours, theirs, inputs = candidate.ModelNew(), candidate.Model(), candidate.get_inputs()
theirs.load_state_dict(ours.state_dict(), strict=True)
with torch.no_grad():
    assert ours._egg_fits(tuple(inputs))
    torch.testing.assert_close(ours(*inputs), theirs(*inputs), rtol=2e-5, atol=2e-6)
    assert ours._egg_graph is None
"""


def test_without_a_gpu_the_body_runs_as_it_is(tmp_path):
    pytest.importorskip("triton")
    of = session("product")
    (tmp_path / "candidate.py").write_text(of.text(plan(of, launch="graph"), "captured"))
    forked.run(_CALL, tmp_path / "candidate.py")


def test_a_copy_of_a_model_captures_its_own():
    scope = {"torch": torch}
    exec(CUDA_GRAPH, scope)
    held = object.__new__(scope["_EggGraph"])
    assert copy.deepcopy(held) is None
    assert pickle.loads(pickle.dumps(held)) is None
