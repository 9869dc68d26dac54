"""A model on a server: what is sent, what comes back, and what becomes of every failure."""

import time
from email.utils import formatdate

import pytest
from llm_asking import ABOUT, prompt
from scripted_server import Say, completion, error

from egg_search.core.errors import UserError
from operators.authors.llm.models.base import ModelError


def test_a_reply_has_text_tokens_and_cost(server, ask):
    reply = ask(price_in=2.0, price_out=10.0, price_cached=1.0)
    assert (reply.text, reply.model) == ("fine", "m")
    assert (reply.tokens_in, reply.tokens_out, reply.tokens_cached) == (100, 20, 60)
    assert reply.cost == pytest.approx((40 * 2 + 60 * 1 + 20 * 10) / 1e6)
    assert 0 < reply.seconds < 5
    assert not (reply.truncated or reply.estimated or reply.reused)
    assert server.requests[0] == {
        "model": "m",
        "max_tokens": 1000,
        "messages": [{"role": "system", "content": "You write kernels."}, {"role": "user", "content": "hello"}],
    }


def test_extra_settings_are_sent(server, ask):
    ask(extra={"temperature": 0.25})
    assert server.requests[0]["temperature"] == 0.25


def test_without_prices_there_is_no_cost_and_without_usage_tokens_are_estimated(server, ask):
    server.script = [Say(completion("x" * 30, usage=None))]
    reply = ask()
    assert reply.cost is None
    assert reply.estimated and reply.tokens_out == 10 and reply.tokens_in > 5


@pytest.mark.parametrize(
    "failure",
    [
        error(429, "slow down"),
        error(500),
        error(503),
        error(529, "overloaded"),
        error(408),
        Say(b"<html>bad gateway</html>", 502),
        Say(b'{"choices": [{"mess'),
        Say(b"[1, 2]"),
        Say(b"null"),
        Say({"choices": []}),
        Say({"choices": "none"}),
        Say({"error": {"message": "upstream is overloaded", "code": 503}}),
        Say(completion("")),
        Say(completion(None)),
        Say(completion("  \n")),
        Say(cut=20),
        Say(cut=0),
        Say(b"not gzip", headers={"Content-Encoding": "gzip"}),
        Say(b'{"choices":[', headers={"Content-Type": "text/plain"}),
    ],
    ids=lambda say: f"{say.status}-{say.body[:12]!r}-{say.cut}",
)
def test_what_may_pass_is_asked_again(server, desk_of, failure):
    server.script = [failure, failure]
    desk = desk_of({"name": "m", "base_url": server.url})
    assert desk.ask(prompt(), ABOUT).text == "fine"
    assert len(server.requests) == 3
    assert desk.waits == [0.5, 1.0]  # half of 1 s, half of 2 s: the jitter of this test


@pytest.mark.parametrize(
    ("failure", "said", "final"),
    [
        (error(401, "Incorrect API key"), "refused a request without a key (401): Incorrect API key", True),
        (error(403, "not yours"), "(403): not yours", True),
        (error(404, "The model m does not exist"), "no such model or address (404): The model m does not exist", True),
        (Say(b"Not Found", 404), "no such model or address (404)", True),
        (error(400, "no m here", code="model_not_found"), "no such model", True),
        (error(402, "pay"), "no credit", True),
        (error(429, "You exceeded your quota", code="insufficient_quota"), "no credit", True),
        (error(400, "context length exceeded"), "refused the request (400): context length exceeded", False),
        (Say({"detail": [{"loc": "x"}]}, 422), "loc", False),
        (Say(completion("half", finish="content_filter")), "content filter", False),
        (Say(completion("", finish="length")), "1000 tokens were used up before any text", False),
        (Say(completion(None, refusal="I must not")), "the model refused: I must not", False),
    ],
    ids=lambda value: None if isinstance(value, bool) else str(getattr(value, "status", value))[:20],
)
def test_what_stays_wrong_is_one_clear_line_at_once(server, desk_of, failure, said, final):
    server.rule = lambda request: failure
    desk = desk_of({"name": "m", "base_url": server.url})
    with pytest.raises(ModelError) as caught:
        desk.ask(prompt(), ABOUT)
    assert said in str(caught.value) and f"m at {server.url}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.final is final
    assert len(server.requests) == 1 and desk.waits == []


def test_attempts_end(server, desk_of):
    server.rule = lambda request: error(500, "broken")
    desk = desk_of({"name": "m", "base_url": server.url})
    with pytest.raises(ModelError, match=r"\(500\): broken \(after 5 attempts\)") as caught:
        desk.ask(prompt(), ABOUT)
    assert not caught.value.final
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("7", 7, 7.2), ("99999", 120, 120.2), ("soon", 0, 0.5), ("0", 0, 0.5), ("-3", 0, 0.5), ("inf", 0, 0.5)],
)
def test_retry_after_is_honoured_up_to_a_bound(server, desk_of, header, least, most):
    server.script = [error(429, headers={"Retry-After": header})]
    desk = desk_of({"name": "m", "base_url": server.url})
    desk.ask(prompt(), ABOUT)
    assert least <= desk.waits[0] <= most


def test_retry_after_may_be_a_date(server, desk_of):
    server.script = [error(503, headers={"Retry-After": formatdate(time.time() + 30, usegmt=True)})]
    desk = desk_of({"name": "m", "base_url": server.url})
    desk.ask(prompt(), ABOUT)
    assert 25 < desk.waits[0] < 31


@pytest.mark.parametrize("slow", [Say(wait_s=1.5), Say(drip_s=0.05)], ids=["silent", "drips"])
def test_a_reply_that_takes_too_long_is_given_up(server, ask, slow):
    server.script = [slow]
    started = time.monotonic()
    assert ask(timeout_s=0.3).text == "fine"
    assert time.monotonic() - started < 1.5


def test_time_outs_say_so(server, ask):
    server.rule = lambda request: Say(wait_s=0.5)
    with pytest.raises(ModelError, match=r"no reply within 0\.1 s \(after 5 attempts\)"):
        ask(timeout_s=0.1)


def test_a_truncated_reply_is_returned_as_such(server, ask):
    server.script = [Say(completion("half a", finish="length"))]
    reply = ask()
    assert reply.truncated and reply.text == "half a"


def test_nobody_there(ask):
    with pytest.raises(ModelError, match="cannot connect"):
        ask(base_url="http://127.0.0.1:9/v1")


def test_text_of_any_kind_goes_there_and_back(server, ask):
    text = "ünï \U0001f95a \x00 \ud800"
    server.rule = lambda request: Say(completion(request["messages"][1]["content"]))
    assert ask(text).text.startswith("ünï \U0001f95a \x00 ")


def test_parts_of_content_are_joined(server, ask):
    server.script = [Say(completion([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]))]
    assert ask().text == "ab"


def test_openai_itself_needs_a_key(desk_of):
    with pytest.raises(UserError, match="export it as EGG_API_KEY or OPENAI_API_KEY"):
        desk_of("gpt-5")


def test_a_limit_under_another_name(server, ask):
    server.rule = lambda request: (
        Say()
        if "max_completion_tokens" in request
        else error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    )
    assert ask().text == "fine"
    assert [("max_tokens" in request) for request in server.requests] == [True, False]
