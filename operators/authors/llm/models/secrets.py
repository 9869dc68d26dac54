"""Keys: read once, out of the environment, and out of all that is written."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from egg_search.core.errors import UserError

DEFAULT_VARIABLES = ("EGG_API_KEY", "OPENAI_API_KEY")
HIDDEN = "[key]"
_SHORTEST = 8  # less is what local servers are told instead of a key ("EMPTY"), and may be a word of any text
_KEY = re.compile(r"[!-~]+")
_SOUNDS_SECRET = re.compile(
    r"(^|_)(KEYS?|TOKENS?|SECRETS?|PASS|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?|AUTH)(_|$)|API_?KEY|SECRET|PASSWORD"
)


class Secret:
    """A key. Shows itself to `reveal` alone, and goes into no other process."""

    __slots__ = ("_value", "variable")

    def __init__(self, value: str, variable: str) -> None:
        self._value, self.variable = value, variable

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"<the key in {self.variable}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key stays in its process")


_taken: dict[str, Secret] = {}  # by variable: what was taken is no longer where a second author would look


def take_key(variable: str | None = None) -> Secret | None:
    """The key of an environment variable, None: of the first of DEFAULT_VARIABLES that is set. The variables are gone
    from this process' environment afterwards. Raises UserError for what cannot be a key; None when there is none."""
    found = [key for name in ([variable] if variable else DEFAULT_VARIABLES) if (key := _take(name))]
    return found[0] if found else None


def _take(variable: str) -> Secret | None:
    key = Secret(os.environ.get(variable, "").strip(), variable)  # nowhere else: tracebacks may show variables
    if variable in os.environ:
        _wipe(variable)
        del os.environ[variable]
    if not key.reveal():
        return _taken.get(variable)
    _taken[variable] = key
    if not _KEY.fullmatch(key.reveal()):
        raise UserError(f"{variable} holds no key: it has spaces or letters that no key has")
    return key


def _wipe(variable: str) -> None:
    """Also out of /proc/self/environ, which shows what this process was started with."""
    with suppress(OSError, ValueError, AttributeError):
        start, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[47:49])
        getenv = ctypes.CDLL(None).getenv
        getenv.restype, getenv.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
        address = getenv(variable.encode())
        if address and start <= address < end:
            ctypes.memset(address, ord("*"), len(os.environb[variable.encode()]))


def redact(text: str) -> str:
    """`text` without any key that was taken."""
    for key in _taken.values():
        if len(key.reveal()) >= _SHORTEST:
            text = text.replace(key.reveal(), HIDDEN)
    return text


def clean_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment (default: this process') without variables that sound like secrets or hold a taken key."""
    source = os.environ if environment is None else environment
    return {
        name: value
        for name, value in source.items()
        if not _SOUNDS_SECRET.search(name.upper()) and redact(value) == value
    }
