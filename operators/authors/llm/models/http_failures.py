"""What the `openai` package raises, as one line each and whether asking again helps."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping
from typing import Any

import openai

from operators.authors.llm.models.failures import CallFailed
from operators.authors.llm.models.usage import Usage

# Request time-out, conflict, too early, too many requests.
_RETRIED = {408, 409, 425, 429}
_NO_SUCH_MODEL = {"model_not_found", "model_not_available"}
_NO_MONEY = {"insufficient_quota", "billing_hard_limit_reached"}


def failure_of(error: Exception, where: str, key: str, timeout_s: float, sent: Usage) -> CallFailed:
    """`where` says model and server, `key` which key. `sent` is charged where the server may have worked in vain."""
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        if "Connect" in type(error.__cause__).__name__:
            return CallFailed(f"{where}: cannot connect in time", retry=True)
        return CallFailed(f"{where}: no reply within {timeout_s:g} s", retry=True, usage=sent)
    if isinstance(error, openai.APIConnectionError):
        return _unconnected(error, where, sent)
    if isinstance(error, openai.APIStatusError):
        return of_status(error.status_code, error.body, error.response.headers, where, key)
    return CallFailed(f"{where}: {type(error).__name__}: {error}")


def _unconnected(error: openai.APIConnectionError, where: str, sent: Usage) -> CallFailed:
    cause = error.__cause__
    why = f"{type(cause).__name__}: {cause}" if cause else str(error)
    if "Connect" in type(cause).__name__:
        return CallFailed(f"{where}: cannot connect ({why})", retry=True)
    if "Protocol" in why and "Unsupported" in why:
        return CallFailed(f"{where}: {why}", final=True)
    return CallFailed(f"{where}: the connection broke ({why})", retry=True, usage=sent)


def of_status(status: int, body: object, headers: Mapping[str, str], where: str, key: str) -> CallFailed:
    """The failure behind an HTTP status, or behind an `error` object with that code."""
    said, code = message_of(body), code_of(body)
    after_s = retry_after(headers)
    if status in (401, 403):
        return CallFailed(f"{where}: refused {key} ({status}): {said}", final=True)
    if status == 402 or code in _NO_MONEY:
        return CallFailed(f"{where}: the account has no credit ({status}): {said}", final=True)
    if status == 404 or code in _NO_SUCH_MODEL:
        return CallFailed(f"{where}: no such model or address ({status}): {said}", final=True)
    if status == 429:
        return CallFailed(f"{where}: too many requests (429): {said}", retry=True, after_s=after_s)
    if status in _RETRIED or status >= 500:
        return CallFailed(f"{where}: the server failed ({status}): {said}", retry=True, after_s=after_s)
    return CallFailed(f"{where}: the server refused the request ({status}): {said}")


def message_of(body: object) -> str:
    """What an error's body says, in any of the shapes that servers use."""
    if isinstance(body, Mapping):
        for name in ("message", "error", "detail", "msg"):
            if body.get(name):
                return message_of(body[name])
    return str(body) if body else "no reason given"


def code_of(body: object) -> Any:
    if isinstance(body, Mapping):
        inner = body.get("error")
        return body.get("code") or (code_of(inner) if isinstance(inner, Mapping) else None)
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from a number of them or a date; None where the server names no time to come."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        moment = email.utils.parsedate_tz(text)
        seconds = email.utils.mktime_tz(moment) - time.time() if moment else 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else None
