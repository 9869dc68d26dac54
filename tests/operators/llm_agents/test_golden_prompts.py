"""Every role's prompt is checked in; `python tests/operators/llm_agents/golden.py` writes them anew."""

import golden
import pytest

PROMPTS = golden.prompts()


@pytest.mark.parametrize("role", PROMPTS)
def test_the_prompt_is_the_one_that_is_checked_in(role):
    assert golden.as_text(PROMPTS[role]) == (golden.FOLDER / f"{role}.txt").read_text()


def test_no_prompt_is_left_over():
    assert {path.stem for path in golden.FOLDER.glob("*.txt")} == set(PROMPTS)


def test_all_prompts_begin_alike():
    """So that servers can keep what they computed of it."""
    systems = {prompt.turns[0].text for prompt in PROMPTS.values()}
    begins = {prompt.turns[1].text.split("# You are")[0] for prompt in PROMPTS.values()}
    assert (len(systems), len(begins)) == (1, 1)


def test_figures_are_interpreted_before_an_editor_sees_them():
    for role in ("mapper", "tiler", "stager", "numericist", "refiner"):
        assert "gb_s" not in golden.as_text(PROMPTS[role]) and "registers a thread" not in PROMPTS[role].turns[1].text
