"""A prompt of stage two for a kernel of 150 lines stays under 6,000 tokens, with parent, principles and history."""

from pathlib import Path

import pytest

import egg_search.problems
from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever
from egg_search.core.problem import Problem
from operators.authors.expert.author import ExpertAuthor
from operators.authors.llm.prompts.tokens import estimate
from operators.authors.llm.replies.diagnosis import Diagnosis
from operators.authors.llm.roles import editor_prompt, prompts_for
from operators.base import Attempt, Brief

AVX2 = Hardware("cpu", "test", 8, 32, 32 << 10, 1 << 20, 16 << 20, 1 << 34)
H100 = Hardware("cuda", "NVIDIA H100", 132, 16, 233472, 50 << 20, 0, 80 << 30, 232448, 65536, 90)
BUNDLED = Path(egg_search.problems.__file__).parent / "bundled"
CASES = [
    ("norm/layer_norm", Dialect.CUDA, H100),
    ("attention/grouped_query_attention", Dialect.TRITON, H100),
    ("matmul/linear_gelu", Dialect.TRITON, H100),
    ("matmul/linear_gelu", Dialect.CPP, AVX2),
]
SENTENCE = "a sentence of the usual length that says what was changed in the kernel and what for, with a number or two"
TRIED = tuple(
    Attempt(f"{i}: {SENTENCE}", "a-principle", "ok" if i % 2 else f"build failed: {i}", 1 + i / 9 if i % 2 else None)
    for i in range(16)
)
DIAGNOSIS = Diagnosis("memory", (SENTENCE,) * 4, (SENTENCE,) * 4)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]} {case[1]}")
def seed(request):
    name, dialect, hardware = request.param
    problem = Problem.from_file(BUNDLED / f"{name}.py")
    brief = Brief("seed", problem, hardware, dialect, seed=0, limit=1)
    (writing,) = ExpertAuthor().write(brief)
    return problem, hardware, Candidate(writing.source, dialect)


@pytest.mark.parametrize("lever", Lever)
def test_a_step_of_stage_two(seed, lever):
    problem, hardware, parent = seed
    brief = Brief(str(lever), problem, hardware, parent.dialect, 0, parent, lever=lever, tried=TRIED)
    prompt = editor_prompt(brief, DIAGNOSIS)
    text = prompt.turns[1].text
    code = text.split("## Candidate")[1].split("## Must not change")[0]
    assert 80 <= code.count("\n") <= 260, "the parent is as long as what the goal is for"
    assert text.count("def get_inputs") == 1
    assert sum(estimate(turn.text) for turn in prompt.turns) < 6000


def test_an_architect_of_a_whole_library(seed):
    problem, hardware, parent = seed
    prompt = prompts_for(Brief("seed", problem, hardware, parent.dialect, 0, tried=TRIED))[0]
    assert sum(estimate(turn.text) for turn in prompt.turns) < 6000
