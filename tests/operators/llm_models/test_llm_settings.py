"""Settings: from JSON and back, and one line for what does not fit."""

import json
import random

import pytest

from egg_search.core.errors import UserError
from operators.authors.llm.models.failures import Backoff, CallFailed, one_line
from operators.authors.llm.models.settings import DeskSettings, Limits, ModelSettings


def test_there_and_back():
    settings = DeskSettings(
        (
            ModelSettings("a", "http://localhost:8000/v1", price_in=1, price_out=2, extra={"temperature": 0.5}),
            ModelSettings("b", command="llm -m b"),
        ),
        Limits(tokens=10, seconds=2.5),
    )
    assert DeskSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_a_name_is_a_model():
    assert DeskSettings.from_json({"models": ["a"]}) == DeskSettings((ModelSettings("a"),))
    assert ModelSettings.from_json({"command": "llm -m b"}) == ModelSettings("llm -m b", command="llm -m b")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "no model; name one with --model NAME"),
        ([], "no JSON object"),
        ({"models": "a"}, "'a' is no list"),
        ({"models": [{"weight": 1}]}, "without a name"),
        ({"models": [""]}, "name is ''"),
        ({"models": [3]}, "no JSON object"),
        ({"models": ["a", "a"]}, "two models are called 'a'"),
        ({"models": ["a"], "modles": 1}, "no setting modles; there is models, budget"),
        ({"models": [{"name": "a", "wieght": 1}]}, "no setting wieght"),
        ({"models": [{"name": "a", "weight": 0}]}, "weight is 0; a number above 0 is wanted"),
        ({"models": [{"name": "a", "weight": "2"}]}, "weight is '2'"),
        ({"models": [{"name": "a", "weight": float("nan")}]}, "weight is nan"),
        ({"models": [{"name": "a", "weight": True}]}, "weight is True"),
        ({"models": [{"name": "a", "max_in_flight": 1.5}]}, "a whole number above 0"),
        ({"models": [{"name": "a", "max_in_flight": None}]}, "max_in_flight is None"),
        ({"models": [{"name": "a", "price_in": 1}]}, "one price without the other"),
        ({"models": [{"name": "a", "price_in": -1, "price_out": 1}]}, "price_in is -1"),
        ({"models": [{"name": "a", "base_url": "localhost:80"}]}, "is no address"),
        ({"models": [{"name": "a", "base_url": "http://[::1/v1"}]}, "is no address"),
        ({"models": [{"name": "a", "base_url": "http://h:99999/v1"}]}, "is no address"),
        ({"models": [{"name": "a", "extra": [1]}]}, "an object is wanted"),
        ({"models": [{"name": "a", "extra": {"stream": True}}]}, "'stream' is no extra"),
        ({"models": [{"command": 3}]}, "name is 3"),
        ({"models": ["a"], "budget": {"tokens": 1.5}}, "budget: tokens is 1.5"),
        ({"models": ["a"], "budget": {"seconds": float("inf")}}, "leave it out for no limit"),
        ({"models": ["a"], "budget": {"dollars": 1}}, "no setting dollars"),
    ],
)
def test_what_does_not_fit_is_one_line(data, said):
    with pytest.raises(UserError) as caught:
        DeskSettings.from_json(data)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_back_off_grows_has_full_jitter_and_ends():
    dice = random.Random(1)
    backoff = Backoff(attempts=9, base_s=1, longest_s=20, random=dice.random)
    failure = CallFailed("no", retry=True)
    for attempt, most in zip(range(1, 9), (1, 2, 4, 8, 16, 20, 20, 20), strict=True):
        waits = [backoff.wait(failure, attempt) for _ in range(200)]
        assert min(waits) < 0.1 * most and 0.9 * most < max(waits) <= most
    assert backoff.wait(failure, 9) is None
    assert backoff.wait(CallFailed("no"), 1) is None


def test_messages_of_others_become_one_short_line():
    assert one_line("a\n\tb  c\r\n") == "a b c"
    assert len(one_line("x" * 10_000)) == 400
