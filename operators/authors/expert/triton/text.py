"""Small pieces of Triton source."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from operators.authors.expert.ir.graph import Graph

_HELPER = re.compile(r"\bk_\w+\b")


def indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]


def loop(head: str, body: Iterable[str]) -> list[str]:
    return [f"for {head}:", *indented(body)]


def parameters(reads: Iterable[int], writes: Iterable[int], scratch: Iterable[str] = ()) -> list[str]:
    """Pointers of a kernel: `in<id>` for what it reads, `out<id>` for what it writes, then scratch."""
    return [*(f"in{i}" for i in reads), *(f"out{i}" for i in writes), *scratch]


def kernel(name: str, pointers: Sequence[str], constants: Iterable[str], body: Iterable[str]) -> list[str]:
    """A function compiled by Triton; its constants are known at compile time."""
    listed = [*pointers, *(f"{c}: tl.constexpr" for c in constants)]
    return ["@triton.jit", *wrapped(f"def {name}(", listed, "):"), *indented(body)]


def constants(name: str, dtypes: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The statement that compiles kernel `name` for pointers to these dtypes and keeps its constants for launches."""
    types = ", ".join(map(torch_type, dtypes))
    listed = [f"{key}={value}" for key, value in values.items()]
    return wrapped(f"_{name.upper()} = _egg_kernel(", [name, f"[{types}]", *listed], ")")


def torch_type(dtype: str) -> str:
    """torch's name of an element type; one with an underscore is a constant of the module that holds it."""
    return dtype if dtype.startswith("_") else f"torch.{dtype}"


def wrapped(head: str, items: Sequence[str], tail: str) -> list[str]:
    """A list in parentheses, on lines of its own where one is too long."""
    line = f"{head}{', '.join(items)}{tail}"
    if len(line) <= 110:
        return [line]
    indent = {"initial_indent": "    ", "subsequent_indent": "    "}
    return [head, *textwrap.wrap(f"{', '.join(items)},", 106, break_long_words=False, **indent), tail]


def launch(name: str, grid: str, arguments: Sequence[str]) -> str:
    return f"{name}[{grid}]({', '.join(arguments)}, **_{name.upper()})"


def pointer_types(graph: Graph, ids: Iterable[int]) -> list[str]:
    """torch's names of the element types of nodes."""
    return [str(graph[i].dtype.value) for i in ids]


def helpers(source: str) -> tuple[str, ...]:
    """The functions of the prelude that `source` calls."""
    return tuple(sorted(set(_HELPER.findall(source))))
