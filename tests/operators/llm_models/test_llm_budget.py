"""Budgets hold before a call: the server counts what it was asked."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from llm_asking import ABOUT, prompt
from scripted_server import Say, completion, error

from egg_search.core.errors import UserError
from operators.authors.llm.models.base import OutOfBudget
from operators.authors.llm.models.budget import Budget
from operators.authors.llm.models.settings import Limits
from operators.authors.llm.models.usage import Spending


@pytest.fixture
def desk(server, desk_of):
    def make(**budget):
        model = {"name": "m", "base_url": server.url, "price_in": 1.0, "price_out": 10.0, "max_in_flight": 8}
        return desk_of(model, budget=budget)

    return make


def ask_until_refused(desk, start=0):
    for number in range(start, 100):
        try:
            desk.ask(prompt(str(number)), ABOUT)
        except OutOfBudget as refusal:
            return number, str(refusal)
    raise AssertionError("never refused")


@pytest.mark.parametrize(
    ("budget", "calls", "said"),
    [
        ({"calls": 3}, 3, "the budget of 3 calls is used up"),
        ({"calls": 0}, 0, "the budget of 0 calls"),
        # A call may take 1000 tokens of reply and some of prompt, and takes 100 + 20.
        ({"tokens": 1100}, 1, "the budget of 1100 tokens is used up"),
        ({"tokens": 1500}, 4, "the budget of 1500 tokens is used up"),
        # The most is 10.0 * 1000 / 1e6 and a little more, the real cost 100e-6 + 200e-6.
        ({"money": 0.0112}, 4, "the budget of 0.0112 (money) is used up"),
        ({"money": 0.005}, 0, "(money) is used up"),
    ],
)
def test_no_call_beyond_it_reaches_the_server(server, desk, budget, calls, said):
    number, refusal = ask_until_refused(desk(**budget))
    assert (number, len(server.requests)) == (calls, calls)
    assert said in refusal and "\n" not in refusal


def test_time_that_models_took_counts(server, desk):
    server.rule = lambda request: Say(wait_s=0.1)
    number, refusal = ask_until_refused(desk(seconds=0.25))
    assert 1 <= number == len(server.requests) <= 3
    assert "the budget of 0.25 s" in refusal


def test_attempts_count_as_calls(server, desk):
    server.rule = lambda request: error(500)
    with pytest.raises(OutOfBudget, match="2 calls"):
        desk(calls=2).ask(prompt(), ABOUT)
    assert len(server.requests) == 2


def test_threads_together_do_not_overrun_it(server, desk):
    server.rule = lambda request: Say(completion(usage=(10, 990, 0)), wait_s=0.02)
    desk = desk(tokens=5000)

    def ask(number):
        try:
            return desk.ask(prompt(str(number)), ABOUT).tokens_out
        except OutOfBudget:
            return 0

    with ThreadPoolExecutor(8) as threads:
        out = list(threads.map(ask, range(20)))
    assert sum(out) == 990 * len(server.requests)
    assert 3 <= len(server.requests) <= 5 and desk.spent().tokens <= 5000


def test_who_may_fit_after_calls_in_flight_waits_for_them(server, desk):
    server.rule = lambda request: Say(completion(usage=(10, 10, 0)), wait_s=0.1)
    desk = desk(tokens=1500)  # for one at a time
    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda n: desk.ask(prompt(str(n)), ABOUT), range(4)))
    assert len(replies) == 4 and server.most_in_flight == 1


def test_a_resumed_campaign_goes_on_with_what_was_spent(server, desk):
    first = desk(calls=3)
    for number in range(2):
        first.ask(prompt(str(number)), ABOUT)
    first.close()
    second = desk(calls=3)
    assert second.spent().calls == 2
    number, _ = ask_until_refused(second, start=2)
    assert number == 3 and len(server.requests) == 3
    assert ask_until_refused(desk(calls=5), start=3)[0] == 5  # a larger budget goes on


def test_what_was_paid_for_is_answered_without_a_budget(server, desk):
    desk = desk(calls=1)
    desk.ask(prompt(), ABOUT)
    assert desk.ask(prompt(), ABOUT).reused
    with pytest.raises(OutOfBudget):
        desk.ask(prompt("new"), ABOUT)


def test_money_needs_prices(server, desk_of):
    with pytest.raises(UserError, match="a budget of money needs prices: 'm' has none"):
        desk_of({"name": "m", "base_url": server.url}, budget={"money": 1})


def test_a_failed_call_gives_back_what_was_kept_for_it():
    budget = Budget(Limits(tokens=100), Spending)
    with pytest.raises(KeyError), budget.allow(Spending(1, tokens_in=100)):
        raise KeyError
    done = threading.Event()
    with budget.allow(Spending(1, tokens_in=100)):
        done.set()
    assert done.is_set()
