"""What stands in front of a file that a model wrote, so that it need not be written anew for every candidate.

That is the problem's own source, which every candidate extends, and the helpers by which the expert's candidates, too,
compile and guard their kernels.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from importlib import resources

from egg_search.core.candidate import Dialect
from egg_search.core.problem.source import REQUIRED, bound_names
from egg_search.core.syntax import parse
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
    """In the order in which they stand: torch, how kernels are compiled, what guards them."""
    texts = ["import torch"]
    if dialect in _RUNTIMES:
        folder = resources.files(f"operators.authors.expert.{_RUNTIMES[dialect]}") / "preludes"
        texts.append((folder / "runtime.py.txt").read_text().strip())
    texts.append(guards(_DEVICES.get(dialect, "'cpu'"), keeps=True))
    return tuple(Helper(text, frozenset(bound_names(parse(text).body))) for text in texts)


def completed(file: str, problem_source: str, dialect: Dialect) -> str:
    """The file with what it uses and does not define put in front. One that does not parse stays as it is, so that the
    line numbers in a compiler's message are those of its author."""
    try:
        tree = parse(file)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return file
    head, rest = _split(file, tree)
    defined = bound_names(tree.body)
    if not REQUIRED.keys() <= defined:
        head = problem_source
        defined |= bound_names(parse(problem_source).body)
    front = _needed(dialect, _used(tree), defined)
    if not front and head is not problem_source:
        return file
    return "\n\n\n".join(part.strip("\n") for part in (head, *front, rest) if part.strip()) + "\n"


def _needed(dialect: Dialect, used: set[str], defined: set[str]) -> list[str]:
    """The helpers that the file uses, and those that these use."""
    needed: list[str] = []
    for helper in reversed(helpers(dialect)):  # they use what stands before them
        if helper.names & (used - defined):
            needed.insert(0, helper.text)
            used = used | _used(parse(helper.text))
    return needed


def _used(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _split(file: str, tree: ast.Module) -> tuple[str, str]:
    """What must come first in a module (its docstring, imports from `__future__`), and the rest."""
    future = [node.end_lineno or 0 for node in tree.body if isinstance(node, ast.ImportFrom) and _is_future(node)]
    lines = file.split("\n")
    return "\n".join(lines[: max(future, default=0)]), "\n".join(lines[max(future, default=0) :])


def _is_future(node: ast.ImportFrom) -> bool:
    return node.module == "__future__"
