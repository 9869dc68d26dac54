"""The language models' author under the contract of operators, with replies by hand."""

import pytest
from agent_briefs import BEST, LIBRARY, PARENT, PROBLEM, WRONG, brief
from agent_desk import ScriptedDesk, recorded, recorded_desk

import operators
from egg_search.core.candidate import Dialect
from operators.authors.llm.author import LlmAuthor, prompts_for
from operators.authors.llm.models.base import About, ModelError, OutOfBudget
from operators.authors.llm.roles import editor_prompt
from operators.base import AuthorError, Draft, Refusal

EDITORS = {
    "refine": "refiner",
    "mapping": "mapper",
    "tiling": "tiler",
    "staging": "stager",
    "precision": "numericist",
    "repair": "debugger",
}


def propose(name, desk, **changes):
    return operators.registry[name].propose(brief(name, **changes), LlmAuthor(desk))


@pytest.mark.parametrize("name", operators.registry)
class TestEveryOperator:
    def test_a_draft_says_where_it_comes_from(self, name):
        found = propose(name, recorded_desk())
        assert found and all(isinstance(each, Draft) for each in found)
        assert {each.author for each in found} == {"llm"} and {each.operator for each in found} == {name}
        assert found[0].candidate.dialect is Dialect.TRITON
        assert found[0].candidate.source.startswith(PROBLEM.effective_source.rstrip())
        assert "egg-plan" not in found[0].candidate.source, "the plan is the expert's, of other code"

    def test_equal_briefs_and_replies_give_equal_drafts(self, name):
        assert propose(name, recorded_desk()) == propose(name, recorded_desk())

    def test_the_first_prompts_can_be_told_without_asking(self, name):
        desk = recorded_desk()
        LlmAuthor(desk).write(brief(name))
        expected = prompts_for(brief(name))
        assert [prompt for _, prompt in desk.asked][: len(expected)] == expected

    def test_every_call_says_what_it_is_for(self, name):
        desk = recorded_desk()
        LlmAuthor(desk).write(brief(name))
        assert desk.abouts == [About(role, name, 7) for role, _ in desk.asked]

    @pytest.mark.parametrize("error", [ModelError("no key:\nset one", final=True), OutOfBudget("spent")])
    def test_a_model_that_does_not_answer_is_an_author_that_cannot_work(self, name, error):
        desk = ScriptedDesk(**{role: [error] * 9 for role in ("architect", "diagnoser", *EDITORS.values())})
        with pytest.raises(AuthorError) as raised:
            LlmAuthor(desk, name="gpt").write(brief(name))
        assert str(raised.value).endswith(" ".join(str(error).split()))

    @pytest.mark.parametrize("reply", ["", "I am sorry.", "<think>on and on", "```python\nclass ModelNew:\n"])
    def test_a_reply_that_is_unusable_twice_is_nothing(self, name, reply):
        roles = ("architect", "coder", "diagnoser", *EDITORS.values())
        desk = ScriptedDesk(**{role: (lambda prompt: reply) for role in roles})
        assert propose(name, desk) == []
        assert len(desk.asked) == (4 if name not in ("seed", "repair") else 2)


@pytest.mark.parametrize("name", EDITORS)
def test_one_agent_edits_the_parent_at_its_best(name):
    desk = recorded_desk()
    (draft,) = propose(name, desk)
    roles = [role for role, _ in desk.asked]
    assert roles == ([EDITORS[name]] if name == "repair" else ["diagnoser", EDITORS[name]])
    assert draft.parent == PARENT.id and draft.change == recorded(EDITORS[name]).split("CHANGE:")[1].split("\n")[
        0
    ].strip("* ")
    if name not in ("mapping", "tiling"):
        assert {key: draft.candidate.knobs[key].default for key in BEST} == BEST
    assert set(draft.principles) <= {each.name for each in LIBRARY}


def test_seeds_are_plans_of_an_architect_written_by_coders():
    def code(prompt):
        number = 2 if "statistics first" in prompt.turns[1].text else 1
        text = (
            recorded("coder").replace("pass: hold rows", f"pass: form {number}").replace("each row", f"{number}: row")
        )
        return text.replace("BLOCK=2048", f"BLOCK={2048 * number}")

    desk = recorded_desk(coder=code)
    drafts = propose("seed", desk)
    assert [role for role, _ in desk.asked] == ["architect", "coder", "coder"]
    assert [draft.change[0] for draft in drafts] == ["1", "2"]
    assert drafts[0].signature != drafts[1].signature and drafts[0].principles == ("norm-in-one-read",)
    assert list(drafts[0].candidate.knobs) == ["K0_NUM_WARPS"]


def test_no_more_plans_are_written_than_wanted():
    desk = recorded_desk()
    assert len(propose("seed", desk, limit=1)) == 1
    assert len(desk.prompts("coder")) == 1


def test_a_coder_without_a_reply_costs_its_own_plan_only():
    def code(prompt):
        return ModelError("timed out") if "statistics first" in prompt.turns[1].text else recorded("coder")

    assert len(propose("seed", recorded_desk(coder=code))) == 1
    with pytest.raises(AuthorError, match="timed out"):
        propose("seed", recorded_desk(coder=lambda prompt: ModelError("timed out")))


def test_an_error_of_ours_is_no_models_error():
    with pytest.raises(ZeroDivisionError):
        propose("seed", recorded_desk(coder=lambda prompt: ZeroDivisionError()))


def test_a_whole_file_will_do_for_an_edit():
    (draft,) = propose("refine", recorded_desk(refiner=[recorded("coder")]))
    assert "k0_rows" in draft.candidate.source and "k0_kernel" not in draft.candidate.source


@pytest.mark.parametrize("name", ["seed", *EDITORS])
def test_every_step_asks_anew(name):
    """A desk would answer an equal prompt with the reply that it has."""
    told = [
        editor_prompt(brief(name, step=step)) if name != "seed" else prompts_for(brief(name, step=step))[0]
        for step in (7, 8)
    ]
    assert told[0] != told[1]


def test_repairs_end_after_two_rounds():
    desk = recorded_desk()
    assert propose("repair", desk, repairs=2) == [] and not desk.asked
    assert prompts_for(brief("repair", repairs=2)) == []
    assert len(propose("repair", desk, repairs=1, verdict=WRONG)) == 1


class TestDiagnosis:
    def test_it_reaches_the_editor_in_words(self):
        desk = recorded_desk()
        propose("staging", desk)
        (prompt,) = desk.prompts("stager")
        assert "## Diagnosis" in prompt.turns[1].text and "every row is read a second time" in prompt.turns[1].text

    def test_all_levers_share_one(self):
        """A desk answers equal prompts with one reply."""
        levers = enumerate(("mapping", "tiling", "staging", "precision", "refine"))
        asked = [prompts_for(brief(name, step=step))[0] for step, name in levers]
        assert all(prompt == asked[0] for prompt in asked)

    def test_without_one_of_use_the_evaluators_own_stands_in(self):
        desk = recorded_desk(diagnoser=["?", "?"])
        assert len(propose("staging", desk)) == 1
        assert "evidence: moves 1.46 TB/s" in desk.prompts("stager")[0].turns[1].text

    def test_without_a_measurement_there_is_none(self):
        desk = recorded_desk()
        propose("staging", desk, verdict=None)
        assert [role for role, _ in desk.asked] == ["stager"]


def test_refusals_of_a_recorded_reply_reach_the_operator():
    reply = recorded("tiler").replace("128 | 256 | 512", "128 | 512")
    (refusal,) = propose("tiling", recorded_desk(tiler=[reply, reply]))
    assert isinstance(refusal, Refusal) and "default 256 of knob K0_COL_BLOCK" in refusal.reason


def test_a_draft_names_the_model_that_wrote_it():
    desk = recorded_desk()
    (draft,) = propose("tiling", desk)
    assert draft.model and draft.model == desk.ask(desk.prompts("tiler")[0], About("tiler", "tiling", 7)).model
