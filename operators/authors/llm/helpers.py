"""What stands in front of a file that a model wrote, so that it need not be written anew for every candidate.

That is the problem's own source, which every candidate extends, and the helpers by which the expert's candidates, too,
compile and guard their kernels.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from egg_search.core.candidate import Dialect
from egg_search.core.problem.source import REQUIRED, bound_names
from operators.authors.expert.emit.model_new import guards

_RUNTIMES = {Dialect.TRITON: "triton", Dialect.CUDA: "cuda", Dialect.CPP: "cpp"}
_DEVICES = {Dialect.TRITON: "_EGG_DEVICE", Dialect.CUDA: repr("cuda"), Dialect.CPP: repr("cpu")}


@dataclass(frozen=True)
class Helper:
    """Python text and the names that it defines."""

    text: str
    names: frozenset[str]


@cache
def helpers(dialect: Dialect) -> tuple[Helper, ...]:
    """In the order in which they stand: how kernels are compiled, then what guards them."""
    texts = [guards(_DEVICES.get(dialect, "'cpu'"), keeps=True)]
    if dialect in _RUNTIMES:
        folder = resources.files(f"operators.authors.expert.{_RUNTIMES[dialect]}") / "preludes"
        texts.insert(0, "import torch\n" + (folder / "runtime.py.txt").read_text().strip())
    return tuple(Helper(text, frozenset(bound_names(ast.parse(text).body))) for text in texts)


def completed(file: str, problem_source: str, dialect: Dialect) -> str:
    """The file with what it uses and does not define put in front. One that does not parse stays as it is, so that the
    line numbers in a compiler's message are those of its author."""
    try:
        tree = ast.parse(file)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return file
    defined = bound_names(tree.body)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - defined
    front = [each for each in _needed(dialect, used, defined)]
    if REQUIRED.keys() <= defined:
        return _joined(*_split(file, tree), front) if front else file
    return _joined(problem_source, _split(file, tree)[1], front)


def _needed(dialect: Dialect, used: set[str], defined: set[str]) -> Iterator[str]:
    every = helpers(dialect)
    for number, helper in enumerate(every):
        later = {name for other in every[number + 1 :] if other.names & used for name in _names(other.text)}
        if helper.names & (used | later) and not _own(helper) <= defined:
            yield helper.text


def _own(helper: Helper) -> frozenset[str]:
    """Names that nobody else would define."""
    return frozenset(name for name in helper.names if name.startswith(("_egg", "_Egg", "_EGG")))


@cache
def _names(text: str) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name))


def _split(file: str, tree: ast.Module) -> tuple[str, str]:
    """What must come first in a module (its docstring, imports from `__future__`), and the rest."""
    future = [node.end_lineno or 0 for node in tree.body if isinstance(node, ast.ImportFrom) and _is_future(node)]
    lines = file.split("\n")
    return "\n".join(lines[: max(future, default=0)]), "\n".join(lines[max(future, default=0) :])


def _is_future(node: ast.ImportFrom) -> bool:
    return node.module == "__future__"


def _joined(head: str, file: str, front: list[str]) -> str:
    return "\n\n\n".join(part.strip("\n") for part in (head, *front, file) if part.strip()) + "\n"
