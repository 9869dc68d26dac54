"""llama.cpp's own server, where there is one: EGG_LLAMA_SERVER names the binary, EGG_LLAMA_MODEL a GGUF file."""

import json
import os
import socket
import subprocess
import time
import urllib.request

import pytest
from llm_asking import ABOUT, prompt

BINARY, MODEL = os.environ.get("EGG_LLAMA_SERVER"), os.environ.get("EGG_LLAMA_MODEL")
pytestmark = pytest.mark.skipif(not (BINARY and MODEL), reason="no EGG_LLAMA_SERVER and EGG_LLAMA_MODEL")
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def llama():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [BINARY, "-m", MODEL, "--host", "127.0.0.1", "--port", str(port), "-c", "2048"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_loaded(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def _wait_until_loaded(url, process):
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            if urllib.request.urlopen(url, timeout=5).status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")


def test_it_replies_counts_and_follows_a_schema(llama, desk_of):
    desk = desk_of({"name": "any", "base_url": llama, "timeout_s": 120, "extra": {"temperature": 0.0}})
    reply = desk.ask(prompt("What is 2 + 3?", SCHEMA, max_tokens=64), ABOUT)
    assert isinstance(json.loads(reply.text)["answer"], int)
    assert reply.tokens_in > 0 and reply.tokens_out > 0 and not reply.estimated
    assert desk.ask(prompt("Count to a hundred.", max_tokens=8), ABOUT).truncated
