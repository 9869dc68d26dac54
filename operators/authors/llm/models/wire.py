"""Chat completions as they go over the wire: bodies of requests and of replies. Servers differ, so nothing is taken
for granted in a reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operators.authors.llm.models.base import Prompt
from operators.authors.llm.models.failures import CallFailed
from operators.authors.llm.models.http_failures import of_status
from operators.authors.llm.models.texts import sendable
from operators.authors.llm.models.usage import Usage, tokens_of, tokens_sent


@dataclass(frozen=True)
class Answer:
    """What a server sent back."""

    text: str
    truncated: bool
    usage: Usage


def messages(prompt: Prompt) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": sendable(turn.text)} for turn in prompt.turns]


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": dict(schema), "strict": True}}


def read(body: bytes, prompt: Prompt, where: str, key: str) -> Answer:
    """Raises CallFailed for what is no reply, or one without text."""
    try:
        data = json.loads(body)
    except ValueError:
        raise _malformed(where, "the reply is not JSON", prompt) from None
    if not isinstance(data, Mapping):
        raise _malformed(where, "the reply is no JSON object", prompt)
    if error := data.get("error"):  # some gateways say 200 to everything
        code = error.get("code") if isinstance(error, Mapping) else None
        raise of_status(code if isinstance(code, int) else 500, error, {}, where, key)
    choice = _first(data.get("choices"))
    if choice is None:
        raise _malformed(where, "the reply has no choices", prompt)
    return _answer(choice, data.get("usage"), prompt, where)


def _answer(choice: Mapping[str, Any], counted: object, prompt: Prompt, where: str) -> Answer:
    message = choice.get("message")
    message = message if isinstance(message, Mapping) else {}
    text = _text(message.get("content"))
    usage = _usage(counted) or Usage(tokens_sent(prompt), tokens_of(text), estimated=True)
    why = choice.get("finish_reason")
    if why == "content_filter":
        raise CallFailed(f"{where}: the reply was held back by a content filter", usage=usage)
    if text.strip():
        return Answer(text, why == "length", usage)
    if message.get("refusal"):
        raise CallFailed(f"{where}: the model refused: {message['refusal']}", usage=usage)
    if why == "length":
        raise CallFailed(f"{where}: {prompt.max_tokens} tokens were used up before any text", usage=usage)
    raise CallFailed(f"{where}: the reply is empty", retry=True, usage=usage)


def _malformed(where: str, what: str, prompt: Prompt) -> CallFailed:
    return CallFailed(f"{where}: {what}", retry=True, usage=Usage(tokens_sent(prompt), estimated=True))


def _first(choices: object) -> Mapping[str, Any] | None:
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return choices[0]
    return None


def _text(content: object) -> str:
    """A text, or the texts of a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _usage(counted: object) -> Usage | None:
    """None where the server did not count."""
    if not isinstance(counted, Mapping) or not _number(counted.get("prompt_tokens")):
        return None
    details = counted.get("prompt_tokens_details")
    cached = _number(details.get("cached_tokens")) if isinstance(details, Mapping) else 0
    cached = cached or _number(counted.get("prompt_cache_hit_tokens"))  # DeepSeek's word
    sent = _number(counted.get("prompt_tokens"))
    return Usage(sent, _number(counted.get("completion_tokens")), min(cached, sent))


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
