"""Any program as a model: the prompt on its standard input, the reply on its standard output."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress

from egg_search.core.errors import UserError
from operators.authors.llm.models.base import Prompt, Reply
from operators.authors.llm.models.failures import CallFailed
from operators.authors.llm.models.secrets import clean_environment, redact
from operators.authors.llm.models.settings import ModelSettings
from operators.authors.llm.models.transcript import transcript
from operators.authors.llm.models.usage import Usage, tokens_of

_LAST_WORDS_SECONDS = 0.2


class CommandModel:
    """Starts the program once a prompt, without a shell and without variables that sound like secrets."""

    def __init__(self, settings: ModelSettings) -> None:
        """Raises UserError when there is no such program."""
        self.name = settings.name
        self._settings = settings
        self._arguments = shlex.split(settings.command or "")
        if not self._arguments or shutil.which(self._arguments[0]) is None:
            raise UserError(f"model {self.name!r}: no program {settings.command!r} to be found")
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def complete(self, prompt: Prompt) -> Reply:
        """Raises CallFailed."""
        text = transcript(prompt)
        sent, started = tokens_of(text), time.monotonic()
        process = self._start()
        try:
            out, err = self._talk(process, text)
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode:
            raise CallFailed(
                f"{self.name}: {_how_it_ended(process.returncode, err)}", usage=Usage(sent, estimated=True)
            )
        reply = redact(out.decode(errors="replace"))
        usage = Usage(sent, tokens_of(reply), estimated=True)
        if not reply.strip():
            raise CallFailed(f"{self.name}: the program printed nothing{_last_line(err)}", retry=True, usage=usage)
        seconds, cost = time.monotonic() - started, self._settings.cost(usage)
        return Reply(reply, self.name, sent, usage.tokens_out, 0, seconds, cost, estimated=True)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for process in self._running:
                _kill(process)

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise CallFailed(f"{self.name}: the call was cancelled")
            try:
                process = subprocess.Popen(
                    self._arguments,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=clean_environment(),
                    start_new_session=True,  # a group of its own, that can be killed whole
                )
            except OSError as error:
                raise CallFailed(f"{self.name}: cannot start the program: {error}", final=True) from None
            self._running.add(process)
            return process

    def _talk(self, process: subprocess.Popen[bytes], text: str) -> tuple[bytes, bytes]:
        try:
            return process.communicate(text.encode(errors="replace"), self._settings.timeout_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            with suppress(subprocess.TimeoutExpired):  # somebody left the group and holds the pipe
                process.communicate(timeout=_LAST_WORDS_SECONDS)
            used = Usage(tokens_of(text), estimated=True)
            message = f"{self.name}: no reply within {self._settings.timeout_s:g} s; the program was killed"
            raise CallFailed(message, retry=True, usage=used) from None
        except BaseException:
            _kill(process)
            raise


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The whole group: the program, and what it started."""
    if process.returncode is not None:
        return  # its number may be somebody else's by now
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _how_it_ended(code: int, err: bytes) -> str:
    how = f"the program was killed by signal {-code}" if code < 0 else f"the program ended with code {code}"
    return how + _last_line(err)


def _last_line(err: bytes) -> str:
    lines = err.decode(errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""
