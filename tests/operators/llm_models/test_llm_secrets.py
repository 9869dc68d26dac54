"""A key is read once and shows nowhere: not in files, errors, tracebacks, reprs or environments."""

import os
import pickle
import subprocess
import sys
import traceback

import pytest
from llm_asking import ABOUT, KEY, prompt
from scripted_server import Say, completion, error

from egg_search.core.errors import UserError
from operators.authors.llm.models import secrets
from operators.authors.llm.models.base import ModelError
from operators.authors.llm.models.settings import DeskSettings, ModelSettings


@pytest.fixture
def desk(server, desk_of, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return desk_of({"name": "m", "base_url": server.url})


def files_with_the_key(directory):
    return [path for path in directory.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def shown_in(error):
    """A traceback with all variables but those of the test itself."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    whole.stack = traceback.StackSummary.from_list([frame for frame in whole.stack if frame.filename != __file__])
    return "".join(whole.format())


def test_the_key_is_sent_and_gone_from_the_environment(server, desk):
    desk.ask(prompt(), ABOUT)
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert "OPENAI_API_KEY" not in os.environ
    assert KEY not in subprocess.run(["env"], capture_output=True, text=True).stdout


def test_what_repeats_the_key_is_recorded_and_returned_without(server, desk, tmp_path):
    server.script = [error(500, f"your key {KEY}"), Say(completion(f"the key is {KEY}"))]
    reply = desk.ask(prompt(f"my key is {KEY}"), ABOUT)
    assert reply.text == "the key is [key]"
    assert files_with_the_key(tmp_path) == []
    failed, fine = desk.record.calls()
    assert "your key [key]" in failed.error
    assert fine.turns[1].text == "my key is [key]" and fine.reply == "the key is [key]"


@pytest.mark.parametrize("status", [401, 404, 400, 200])
def test_no_error_shows_it(server, desk, tmp_path, status):
    body = {"error": {"message": f"wrong key {KEY}", "code": 401}}
    server.rule = lambda request: Say(body, status)
    with pytest.raises(ModelError, match=r"wrong key \[key\]") as caught:
        desk.ask(prompt(), ABOUT)
    assert KEY not in shown_in(caught.value)
    assert files_with_the_key(tmp_path) == []
    seen, error = set(), caught.value
    while error is not None and id(error) not in seen:  # the whole chain, suppressed or not
        seen.add(id(error))
        assert KEY not in repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__


def test_no_repr_shows_it_and_it_is_not_pickled(desk, monkeypatch):
    monkeypatch.setenv("EGG_API_KEY", KEY)
    key = secrets.take_key()
    assert key.reveal() == KEY
    for thing in (key, desk, desk.seats, desk.seats[0].model, vars(desk.seats[0].model), vars(desk)):
        assert KEY not in repr(thing)
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(key)


def test_the_programs_own_variable_comes_first_and_both_are_taken(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "other-key-of-openai")
    monkeypatch.setenv("EGG_API_KEY", f" {KEY}\n")
    assert secrets.take_key().reveal() == KEY
    assert not {"OPENAI_API_KEY", "EGG_API_KEY"} & set(os.environ)
    assert secrets.take_key().reveal() == KEY  # a second author
    assert secrets.redact("other-key-of-openai") == "[key]"


def test_a_variable_that_is_named_is_the_only_one(server, desk_of, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "other-key-of-openai")
    with pytest.raises(UserError, match="export it as MY_KEY"):
        desk_of({"name": "m", "base_url": server.url, "key_variable": "MY_KEY"})
    monkeypatch.setenv("MY_KEY", KEY)
    desk_of({"name": "m", "base_url": server.url, "key_variable": "MY_KEY"}).ask(prompt(), ABOUT)
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("value", ["two words here", "schlüssel-0123456789"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(monkeypatch, value):
    monkeypatch.setenv("EGG_API_KEY", value)
    with pytest.raises(UserError, match="EGG_API_KEY holds no key") as caught:
        secrets.take_key()
    assert value not in shown_in(caught.value)


def test_a_word_instead_of_a_key_is_left_in_texts(monkeypatch):
    monkeypatch.setenv("EGG_API_KEY", "EMPTY")
    secrets.take_key()
    assert secrets.redact("an EMPTY list") == "an EMPTY list"


def test_local_servers_work_without_a_key(server, ask):
    assert ask().text == "fine"
    assert server.headers[0]["Authorization"] == "Bearer none"


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_it_is_gone_from_what_the_kernel_shows_of_the_process():
    code = (
        "from pathlib import Path; from operators.authors.llm.models.secrets import take_key; show = "
        "lambda: Path('/proc/self/environ').read_bytes(); assert b'0123456789' in show(); key = take_key(); "
        "assert key.reveal().endswith('0123456789'); assert b'0123456789' not in show(); assert b'AFTER=1' in show()"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "EGG_API_KEY": KEY, "AFTER": "1"}, check=True)


def test_environments_of_programs_have_nothing_that_sounds_secret(monkeypatch):
    monkeypatch.setenv("EGG_API_KEY", KEY)
    secrets.take_key()
    secret = "OPENAI_API_KEY HF_TOKEN AWS_SECRET_ACCESS_KEY DB_PASSWORD MYAPIKEY GITHUB_TOKEN_FILE GOOGLE_CREDENTIALS"
    plain = "PATH HOME LANG TOKENIZERS_PARALLELISM KEYBOARD MONKEY PWD XAUTHORITY LD_LIBRARY_PATH"
    environment = dict.fromkeys([*secret.split(), *plain.split()], "x") | {"URL": f"http://u:{KEY}@host"}
    assert set(secrets.clean_environment(environment)) == set(plain.split())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "m", "api_key": KEY}, "export the key as EGG_API_KEY"),
        ({"name": "m", "base_url": f"http://u:{KEY}@h/v1"}, "no passwords in addresses"),
    ],
)
def test_settings_take_no_keys(settings, said):
    with pytest.raises(UserError, match=said) as caught:
        ModelSettings.from_json(settings)
    assert KEY not in str(caught.value)


def test_settings_are_written_without(desk):
    settings = DeskSettings(tuple(seat.settings for seat in desk.seats))
    assert KEY not in repr(settings) + str(settings.to_json())
