"""Any program as a model, with real processes."""

import os
import shlex
import sys
import threading
import time
from pathlib import Path

import pytest
from llm_asking import ABOUT, KEY, prompt

from egg_search.core.errors import UserError
from operators.authors.llm.models.base import ModelError


def python(code, *arguments):
    return shlex.join([sys.executable, "-c", code, *map(str, arguments)])


@pytest.fixture
def command(desk_of):
    def ask(code, *arguments, text="hello", schema=None, attempts=5, **settings):
        model = {"name": "prog", "command": python(code, *arguments), "timeout_s": 10, **settings}
        desk = desk_of(model, attempts=attempts)
        return desk.ask(prompt(text, schema), ABOUT)

    return ask


def gone(pid):
    """Dead, reaped or not."""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def wait_for(condition):
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_prompt_in_reply_out(command):
    reply = command("import sys; print(sys.stdin.read())", text="tune it", schema={"type": "object"})
    assert reply.text.startswith("# SYSTEM\n\nYou write kernels.\n\n# USER\n\ntune it\n\n# FORMAT\n")
    assert '{"type": "object"}' in reply.text and reply.text.rstrip().endswith("# ASSISTANT")
    assert reply.model == "prog" and reply.estimated and reply.cost is None and reply.seconds > 0


def test_arguments_are_split_as_a_shell_would_without_one(command):
    assert command("import sys; print(sys.argv[1:])", "a b", "$HOME", ";").text == "['a b', '$HOME', ';']\n"


def test_large_texts_in_and_out(command):
    code = "import sys; text = sys.stdin.read(); sys.stderr.write('e' * 300000); print(text * 2)"
    assert len(command(code, text="x" * 1_000_000).text) > 2_000_000


def test_a_program_that_reads_nothing(command):
    assert command("print('I know already')", text="x" * 1_000_000).text == "I know already\n"


def test_its_code_and_last_words_are_the_error(command):
    with pytest.raises(ModelError) as caught:
        command("import sys; print('first', file=sys.stderr); sys.exit('no credit\\n')")
    assert str(caught.value) == "prog: the program ended with code 1: no credit"


def test_a_signal_is_named(command):
    with pytest.raises(ModelError, match="killed by signal 11"):
        command("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")


def test_silence_is_asked_again(command, tmp_path):
    code = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); print('ok' if p.exists() else ''); p.touch()"
    assert command(code, tmp_path / "seen").text == "ok\n"


def test_a_program_that_is_not_there(desk_of):
    with pytest.raises(UserError, match="no program 'no-such-program --x'"):
        desk_of({"name": "prog", "command": "no-such-program --x"})
    with pytest.raises(UserError, match="no command line"):
        desk_of({"name": "prog", "command": "say 'hello"})


def test_it_sees_no_keys(command, monkeypatch):
    monkeypatch.setenv("EGG_API_KEY", KEY)
    monkeypatch.setenv("SOME_TOKEN", "t")
    monkeypatch.setenv("PLAIN", "p")
    shown = command("import os; print(dict(os.environ))").text
    assert "PLAIN" in shown and "EGG_API_KEY" not in shown and "SOME_TOKEN" not in shown


_FAMILY = (
    "import os, subprocess, sys, time, pathlib; child = subprocess.Popen(['sleep', '60']); "
    "pathlib.Path(sys.argv[1]).write_text(f'{os.getpid()} {child.pid} '); time.sleep(60)"
)


def test_after_its_time_the_whole_group_is_killed(command, tmp_path):
    with pytest.raises(ModelError, match=r"no reply within 1\.5 s; the program was killed"):
        command(_FAMILY, tmp_path / "pids", timeout_s=1.5, attempts=1)
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    assert wait_for(lambda: all(map(gone, pids)))


def test_a_program_whose_child_holds_the_pipe_is_no_hang(command):
    code = "import subprocess; subprocess.Popen(['sleep', '5'], start_new_session=True); print('hi')"
    started = time.monotonic()
    with pytest.raises(ModelError, match="no reply within"):
        command(code, timeout_s=0.5, attempts=1)
    assert time.monotonic() - started < 4


def test_closing_the_desk_ends_it(desk_of, tmp_path):
    desk = desk_of({"name": "prog", "command": python(_FAMILY, tmp_path / "pids")})
    caught = []

    def ask():
        try:
            desk.ask(prompt(), ABOUT)
        except ModelError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    pids = tmp_path / "pids"
    assert wait_for(lambda: pids.exists() and pids.read_text().endswith(" "))
    desk.close()
    thread.join(5)
    assert caught and wait_for(lambda: all(map(gone, pids.read_text().split())))
    with pytest.raises(ModelError, match="the search ends"):
        desk.ask(prompt("another"), ABOUT)
    assert os.getpgid(0)  # this process is still there
