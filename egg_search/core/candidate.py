"""A candidate: one self-contained Python source that defines `ModelNew`. Immutable, identified by its hash."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from egg_search.core.errors import UserError
from egg_search.core.knobs import Configuration, Knob, bind, parse_knobs
from egg_search.core.syntax import parse


class Dialect(StrEnum):
    """What the kernels inside a candidate are written in."""

    TRITON = "triton"
    CUDA = "cuda"
    CPP = "cpp"
    TORCH = "torch"


class CandidateError(UserError):
    """A source that is not a candidate."""


def content_hash(*parts: str | bytes) -> str:
    """16 hex digits of SHA-256 over length-prefixed parts, so that no two lists of parts collide by joining."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:16]


_FACTS = re.compile(r"^# egg-facts: (?P<json>\{.*\})$", re.MULTILINE)


@dataclass(frozen=True)
class Candidate:
    """One source in one dialect. Raises CandidateError or KnobError when it breaks the rules of a candidate."""

    source: str
    dialect: Dialect

    def __post_init__(self) -> None:
        try:
            tree = parse(self.source)
        except SyntaxError as error:
            raise CandidateError(f"candidate: line {error.lineno}: {error.msg}") from None
        except (RecursionError, MemoryError):
            raise CandidateError("candidate: nested too deeply to be parsed") from None
        except ValueError as error:  # null bytes, surrogates
            raise CandidateError(f"candidate: not a Python source: {error}") from None
        if not any(isinstance(node, ast.ClassDef) and node.name == "ModelNew" for node in tree.body):
            raise CandidateError("candidate: no module-level class ModelNew")
        _ = self.knobs

    @cached_property
    def id(self) -> str:
        return content_hash(self.dialect, self.source)

    @cached_property
    def knobs(self) -> dict[str, Knob]:
        return parse_knobs(self.source)

    @cached_property
    def facts(self) -> dict[str, dict[str, Any]]:
        """What the author declares of each kernel (`{"K0": {"rows": 4096, ...}}`), for principles to decide on.

        A comment line `# egg-facts: {json}`. Facts steer the search; no verdict depends on them.
        """
        match = _FACTS.search(self.source)
        return json.loads(match["json"]) if match else {}

    @property
    def default_configuration(self) -> dict[str, Any]:
        return {knob.name: knob.default for knob in self.knobs.values()}

    def bound(self, configuration: Configuration) -> str:
        """The source with `configuration` written into its knobs."""
        return bind(self.source, configuration)
