"""Structured output: asked for where a server takes it, remembered where it does not."""

import pytest
from llm_asking import ABOUT, prompt
from scripted_server import Say, completion, error

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.fixture
def desk(server, desk_of):
    return desk_of({"name": "m", "base_url": server.url})


def asked(server):
    return ["response_format" in request for request in server.requests]


def test_a_server_that_takes_it_is_sent_the_schema(server, desk):
    server.rule = lambda request: Say(completion('{"a": 1}'))
    for text in "xyz":
        desk.ask(prompt(text, SCHEMA), ABOUT)
    assert asked(server) == [True, True, True]
    sent = server.requests[0]["response_format"]
    assert sent["type"] == "json_schema" and sent["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_server_that_refuses_it_is_asked_without_from_then_on(server, desk, status):
    server.rule = lambda request: error(status, "json_schema?") if "response_format" in request else Say()
    for text in "xyz":
        assert desk.ask(prompt(text, SCHEMA), ABOUT).text == "fine"
    assert asked(server) == [True, False, False, False]
    assert desk.waits == []
    assert [bool(call.error) for call in desk.record.calls()] == [True, False, False, False]


def test_a_server_that_ignores_it_is_asked_without_from_then_on(server, desk):
    server.rule = lambda request: Say(completion("Sure! Here you are."))
    for text in "xyz":
        desk.ask(prompt(text, SCHEMA), ABOUT)
    assert asked(server) == [True, False, False]


def test_a_server_that_fails_either_way_is_not_thought_to_refuse_it(server, desk):
    server.script = [error(500), error(500)]
    server.rule = lambda request: Say(completion('{"a": 1}'))
    desk.ask(prompt("x", SCHEMA), ABOUT)
    assert asked(server) == [True, False, True]


def test_half_a_reply_tells_nothing(server, desk):
    server.script = [Say(completion('{"a":', finish="length"))]
    server.rule = lambda request: Say(completion('{"a": 1}'))
    desk.ask(prompt("x", SCHEMA), ABOUT)
    desk.ask(prompt("y", SCHEMA), ABOUT)
    assert asked(server) == [True, True]


def test_a_failure_after_it_worked_is_a_failure(server, desk):
    server.script = [Say(completion('{"a": 1}')), error(500), Say(completion('{"a": 2}'))]
    desk.ask(prompt("x", SCHEMA), ABOUT)
    desk.ask(prompt("y", SCHEMA), ABOUT)
    assert asked(server) == [True, True, True] and len(desk.waits) == 1


def test_prompts_without_a_schema_are_sent_without(server, desk):
    desk.ask(prompt("x"), ABOUT)
    assert asked(server) == [False]
