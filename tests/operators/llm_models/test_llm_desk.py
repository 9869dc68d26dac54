"""The desk: whom it asks, and that nothing is paid for twice."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from llm_asking import ABOUT, prompt
from scripted_server import Say, completion, error

from operators.authors.llm.models.base import About, ModelError, Prompt, Turn


@pytest.fixture
def several(server, desk_of):
    """A desk with models of these weights, by name; the server says who answered."""
    server.rule = lambda request: Say(completion(request["model"]))

    def make(seed=0, **weights):
        return desk_of(*({"name": n, "base_url": server.url, "weight": w} for n, w in weights.items()), seed=seed)

    return make


def test_weights_decide_how_often_a_model_is_asked(several):
    desk = several(a=3, b=1)
    asked = Counter(desk.ask(prompt(str(number)), ABOUT).text for number in range(200))
    assert 125 <= asked["a"] <= 175


def test_the_choice_depends_on_seed_and_prompt_alone(tmp_path, server, desk_of):
    def choices(seed, order, directory):
        models = [{"name": n, "base_url": server.url} for n in "abc"]
        desk = desk_of(*models, seed=seed, directory=tmp_path / directory)
        return {number: desk.ask(prompt(str(number)), ABOUT).model for number in order}

    forth = choices(1, range(12), "1")
    assert forth == choices(1, reversed(range(12)), "2") != choices(2, range(12), "3")


def test_where_one_model_fails_the_others_are_asked(server, several):
    server.rule = lambda request: (
        error(400, "too long") if request["model"] == "a" else Say(completion(request["model"]))
    )
    desk = several(a=1000, b=1)
    assert [desk.ask(prompt(text), ABOUT).text for text in "xyz"] == ["b", "b", "b"]
    assert [request["model"] for request in server.requests] == list("ababab")


def test_a_model_that_is_not_there_is_asked_once(server, several):
    server.rule = lambda request: error(404, "no a") if request["model"] == "a" else Say(completion(request["model"]))
    desk = several(a=1000, b=1)
    assert [desk.ask(prompt(text), ABOUT).text for text in "xyz"] == ["b", "b", "b"]
    assert [request["model"] for request in server.requests] == list("abbb")
    assert "no a" in desk.seats[0].broken and desk.seats[1].broken is None


def test_only_when_all_are_gone_it_is_final(server, several):
    server.rule = lambda request: error(401 if request["model"] == "a" else 400)
    desk = several(a=1, b=1)
    with pytest.raises(ModelError) as caught:
        desk.ask(prompt(), ABOUT)
    assert not caught.value.final
    server.rule = lambda request: error(401, "bad key")
    for text in "xy":
        with pytest.raises(ModelError, match="401") as caught:
            desk.ask(prompt(text), ABOUT)
        assert caught.value.final
    assert len(server.requests) == 3


def test_an_identical_prompt_is_answered_from_the_record(server, desk_of):
    desk = desk_of({"name": "m", "base_url": server.url, "price_in": 1.0, "price_out": 1.0})
    first = desk.ask(prompt(), ABOUT)
    again = desk.ask(prompt(), About("critic", "refine", 9))
    assert again.text == first.text and again.reused and not first.reused
    assert replace(again, reused=False) == first
    assert len(server.requests) == 1
    row = desk.record.calls(step=9)[0]
    assert (row.reused, row.role, row.reply, row.tokens_in, row.cost) == (1, "critic", "fine", 0, 0.0)
    assert (desk.spent().calls, desk.spent().reused) == (1, 1)


def test_a_resumed_desk_knows_what_was_answered(server, desk_of):
    model = {"name": "m", "base_url": server.url}
    desk_of(model).ask(prompt(), ABOUT)
    assert desk_of(model | {"weight": 2.0, "timeout_s": 9.0}).ask(prompt(), ABOUT).reused
    assert not desk_of(model | {"extra": {"temperature": 1}}).ask(prompt(), ABOUT).reused
    assert not desk_of(model, {"name": "n", "base_url": server.url}).ask(prompt(), ABOUT).reused


@pytest.mark.parametrize(
    "other",
    [
        prompt("hello!"),
        prompt("hello", {"type": "object"}),
        prompt("hello", max_tokens=999),
        Prompt((Turn("system", "You write kernels."), Turn("assistant", "hello")), max_tokens=1000),
        Prompt((Turn("system", "You write kernels.hello"), Turn("user", "")), max_tokens=1000),
    ],
)
def test_other_prompts_are_asked(server, desk_of, other):
    desk = desk_of({"name": "m", "base_url": server.url})
    desk.ask(prompt("hello"), ABOUT)
    assert not desk.ask(other, ABOUT).reused


def test_a_failed_prompt_is_asked_again(server, desk_of):
    desk = desk_of({"name": "m", "base_url": server.url})
    server.script = [error(400)]
    with pytest.raises(ModelError):
        desk.ask(prompt(), ABOUT)
    assert not desk.ask(prompt(), ABOUT).reused


def test_eight_threads_with_one_prompt_make_one_call(server, desk_of):
    server.rule = lambda request: Say(wait_s=0.2)
    desk = desk_of({"name": "m", "base_url": server.url})
    together = threading.Barrier(8)

    def ask(step):
        together.wait()
        return desk.ask(prompt(), About("writer", "seed", step))

    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(ask, range(8)))
    assert [reply.text for reply in replies] == ["fine"] * 8
    assert len(server.requests) == 1 and sum(not reply.reused for reply in replies) == 1
    assert {call.step for call in desk.record.calls()} == set(range(8))


def test_eight_threads_whose_prompt_fails_all_hear_of_it(server, desk_of):
    server.rule = lambda request: Say({"error": {"message": "bad"}}, 400, wait_s=0.2)
    desk = desk_of({"name": "m", "base_url": server.url})
    together = threading.Barrier(8)

    def ask(_):
        together.wait()
        with pytest.raises(ModelError, match="bad"):
            desk.ask(prompt(), ABOUT)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))
    assert len(server.requests) == 1


def test_many_prompts_are_in_flight_and_no_more_than_a_model_takes(server, desk_of):
    server.rule = lambda request: Say(wait_s=0.1)
    desk = desk_of({"name": "m", "base_url": server.url, "max_in_flight": 3})
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: desk.ask(prompt(str(number)), ABOUT), range(9)))
    assert server.most_in_flight == 3


def test_closing_ends_calls_in_flight(server, desk_of):
    server.rule = lambda request: Say(wait_s=3)
    desk = desk_of({"name": "m", "base_url": server.url})
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(desk.ask, prompt(text), ABOUT) for text in "xy"]
        while len(server.requests) < 2:
            pass
        desk.close()
        for ask in asked:
            with pytest.raises(ModelError, match="cancelled"):
                ask.result(2)
    with pytest.raises(ModelError, match="the search ends"):
        desk.ask(prompt("z"), ABOUT)
    assert [bool(call.error) for call in desk.record.calls()] == [True, True]
    desk.close()  # a second time is no harm


def test_a_model_that_brought_more_is_asked_more_often():
    from operators.authors.llm.models.seats import Seat, by_weight
    from operators.authors.llm.models.settings import ModelSettings

    seats = [Seat(ModelSettings(name), None) for name in ("plain", "better")]

    def share(preference):
        return sum(by_weight(seats, 0, str(key), preference)[0].settings.name == "better" for key in range(2000)) / 2000

    assert abs(share({}) - 0.5) < 0.05 and abs(share({"better": 3.0}) - 0.75) < 0.05
    assert abs(share({"better": 0.25}) - 0.2) < 0.05
