"""What a server takes of a request: learned from its refusals and kept for as long as this process lives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from operators.authors.llm.models.base import Prompt
from operators.authors.llm.models.wire import messages, response_format

_REFUSALS = {400, 415, 422, 500, 501}  # llama-cpp-python answers 500 to a json_schema
_NEW_LIMIT, _OLD_LIMIT = "max_completion_tokens", "max_tokens"


class Habits:
    """Not thread-safe: used on the loop's thread alone.

    Schemas are `untried`, found to `work`, `doubted` after a refusal that may have had another reason, or `refused`.
    """

    def __init__(self, openai_itself: bool) -> None:
        self.schemas = "untried"
        self._limit = _NEW_LIMIT if openai_itself else _OLD_LIMIT

    def body(self, prompt: Prompt, model: str, extra: Mapping[str, Any]) -> dict[str, Any]:
        """What a request says."""
        body = {"model": model, **extra, self._limit: prompt.max_tokens, "messages": messages(prompt)}
        if prompt.schema is not None and self.schemas in ("untried", "work"):
            body["response_format"] = response_format(prompt.schema)
        return body

    def failed(self, prompt: Prompt, body: Mapping[str, Any], status: int, said: str) -> bool:
        """True when the request shall be sent again at once: it will look different."""
        if status == 400 and self._limit in body and self._limit_is_unknown(said):
            self._limit = self._other_limit
            return True
        if "response_format" in body:
            if status not in _REFUSALS or (self.schemas == "work" and status >= 500):
                return False
            if self.schemas != "refused":  # by another call, meanwhile
                self.schemas = "doubted"
            return True
        if prompt.schema is not None and self.schemas == "doubted":
            self.schemas = "untried"  # it fails without, too
        return False

    def replied(self, prompt: Prompt, body: Mapping[str, Any], text: str, truncated: bool) -> None:
        if prompt.schema is None:
            return
        if "response_format" not in body:
            self.schemas = "refused"
        elif not truncated:  # half a JSON text tells nothing
            self.schemas = "work" if _is_json(text) else "refused"

    @property
    def _other_limit(self) -> str:
        return _OLD_LIMIT if self._limit == _NEW_LIMIT else _NEW_LIMIT

    def _limit_is_unknown(self, said: str) -> bool:
        return f"'{self._other_limit}'" in said or (self._limit in said and "nsupported" in said)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, strict=False)
    except ValueError:
        return False
    return True
