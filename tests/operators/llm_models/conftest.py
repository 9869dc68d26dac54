"""A server, and desks that ask it without waiting between attempts."""

import pytest
from llm_asking import ABOUT, prompt
from scripted_server import ScriptedServer

from operators.authors.llm.models import secrets
from operators.authors.llm.models.failures import Backoff
from operators.authors.llm.models.opening import open_desk
from operators.authors.llm.models.settings import DeskSettings


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """Neither the machine's own nor those of other tests; no proxies on the way to the server."""
    monkeypatch.setattr(secrets, "_taken", {})
    for name in ("EGG_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server():
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def desk_of(tmp_path):
    """desk_of(model, ..., budget=..., seed=...): a desk in tmp_path/run; `desk.waits` has what it would have slept."""
    desks = []

    def make(*models, budget=None, seed=0, directory=None, attempts=5):
        waits = []
        settings = DeskSettings.from_json({"models": list(models), "budget": budget or {}})
        backoff = Backoff(attempts, random=lambda: 0.5)
        desk = open_desk(settings, directory or tmp_path / "run", seed, backoff, waits.append)
        desk.waits = waits
        desks.append(desk)
        return desk

    yield make
    for desk in desks:
        desk.close()
        desk.record.close()


@pytest.fixture
def ask(server, desk_of):
    """ask(prompt text, **model settings): a desk with one model on the server, asked at once."""

    def make(text="hello", schema=None, **model):
        desk = desk_of({"name": "m", "base_url": server.url, "timeout_s": 5, **model})
        return desk.ask(prompt(text, schema), ABOUT)

    return make
