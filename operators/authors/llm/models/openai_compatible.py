"""Models behind servers that speak OpenAI's chat completions."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import CancelledError
from typing import Any

import openai

from egg_search.core.errors import UserError
from operators.authors.llm.models import wire
from operators.authors.llm.models.base import Prompt, Reply
from operators.authors.llm.models.failures import CallFailed
from operators.authors.llm.models.habits import Habits
from operators.authors.llm.models.http_failures import failure_of, message_of
from operators.authors.llm.models.loop import LoopThread
from operators.authors.llm.models.secrets import DEFAULT_VARIABLES, Secret
from operators.authors.llm.models.settings import ModelSettings
from operators.authors.llm.models.texts import keepable
from operators.authors.llm.models.usage import Usage, tokens_sent

_OPENAI = "https://api.openai.com/v1"
_CONNECT_SECONDS = 15.0
_NO_KEY = "none"  # the package wants one, local servers do not


class OpenAICompatible:
    """One model on one server. Its calls run on `loop`, which this closes."""

    def __init__(self, settings: ModelSettings, key: Secret | None, loop: LoopThread) -> None:
        """Raises UserError where the server needs a key and there is none."""
        self.name = settings.name
        self._settings, self._loop = settings, loop
        url = settings.base_url or os.environ.get("OPENAI_BASE_URL") or _OPENAI
        if key is None and (url == _OPENAI or settings.key_variable):
            names = settings.key_variable or " or ".join(DEFAULT_VARIABLES)
            raise UserError(f"model {self.name!r} needs a key: export it as {names}")
        self._where = f"{self.name} at {url}"
        self._key = f"the key in {key.variable}" if key else "a request without a key"
        self._habits = Habits(openai_itself=url == _OPENAI)
        timeout = openai.Timeout(settings.timeout_s, connect=min(_CONNECT_SECONDS, settings.timeout_s))
        self._client = openai.AsyncOpenAI(
            api_key=key.reveal() if key else _NO_KEY, base_url=url, timeout=timeout, max_retries=0
        )

    def __repr__(self) -> str:
        return f"<{self._where}>"

    def complete(self, prompt: Prompt) -> Reply:
        """Raises CallFailed."""
        try:
            outcome = self._loop.run(self._outcome(prompt))
        except CancelledError:
            outcome = CallFailed(f"{self._where}: the call was cancelled", usage=Usage(tokens_sent(prompt)))
        if isinstance(outcome, CallFailed):  # raised here, where no traceback shows a client or a request
            raise outcome
        return outcome

    def close(self) -> None:
        self._loop.close(self._client.close)

    async def _outcome(self, prompt: Prompt) -> Reply | CallFailed:
        body = self._habits.body(prompt, self.name, self._settings.extra)
        started = time.monotonic()
        try:
            content = await asyncio.wait_for(self._send(body), self._settings.timeout_s)
            answer = wire.read(content, prompt, self._where, self._key)
        except CallFailed as failure:
            failure.__context__ = None  # the body, which may repeat the request
            return failure.with_traceback(None)
        except Exception as error:  # of the package, or of what it is built on
            return self._failure(error, prompt, body)
        self._habits.replied(prompt, body, answer.text, answer.truncated)
        return self._reply(answer, time.monotonic() - started)

    async def _send(self, body: dict[str, Any]) -> bytes:
        """The raw reply: the package's own reading lets through what is no completion."""
        response = await self._client.chat.completions.with_raw_response.create(
            model=body["model"], messages=body["messages"], extra_body=body
        )
        return response.content

    def _failure(self, error: Exception, prompt: Prompt, body: dict[str, Any]) -> CallFailed:
        sent = Usage(tokens_sent(prompt), estimated=True)
        failure = failure_of(error, self._where, self._key, self._settings.timeout_s, sent)
        if isinstance(error, openai.APIStatusError):
            said = message_of(error.body)
            if self._habits.failed(prompt, body, error.status_code, said):
                return CallFailed(f"{failure} (asking without what it did not take)", retry=True, after_s=0)
        return failure

    def _reply(self, answer: wire.Answer, seconds: float) -> Reply:
        usage = answer.usage
        return Reply(
            keepable(answer.text),
            self.name,
            usage.tokens_in,
            usage.tokens_out,
            usage.tokens_cached,
            seconds,
            self._settings.cost(usage),
            answer.truncated,
            usage.estimated,
        )
