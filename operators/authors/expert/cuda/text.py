"""Small pieces of CUDA C++ and of the Python that launches it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from operators.authors.expert.cuda.dtypes import STORAGE
from operators.authors.expert.ir.graph import Graph

_HELPER = re.compile(r"\bk_[a-z]\w*\b")
UNROLL = "#pragma unroll"


def indented(lines: Iterable[str]) -> list[str]:
    """Lines indented by their braces."""
    result, depth = [], 0
    for line in lines:
        depth -= line.startswith("}")
        result.append("    " * depth + line)
        depth += line.count("{") - line.count("}") + line.startswith("}")
    return result


def block(head: str, body: Iterable[str]) -> list[str]:
    return [f"{head} {{", *body, "}"]


def pointers(graph: Graph, reads: Iterable[int], writes: Iterable[int]) -> dict[str, str]:
    """Parameters of a kernel with their types: `in<id>` for what it reads, `out<id>` for what it writes."""
    ins = {f"in{i}": f"const {STORAGE[graph[i].dtype]}*" for i in reads}
    return ins | {f"out{i}": f"{STORAGE[graph[i].dtype]}*" for i in writes}


def kernel(name: str, parameters: Mapping[str, str], attributes: str, body: Iterable[str]) -> list[str]:
    """A kernel; `attributes` say how it may be launched."""
    listed = ", ".join(f"{kind} __restrict__ {each}" for each, kind in parameters.items())
    head = f'extern "C" __global__ void {attributes} {name}('
    lines = [f"{head}{listed})"] if len(head) + len(listed) < 108 else [head, *_wrapped(f"{listed})")]
    lines[-1] += " {"
    return [*lines, *("    " + line for line in indented(body)), "}"]


def python_call(head: str, items: Sequence[str], tail: str = ")") -> list[str]:
    """A call, on several lines where one is too long."""
    line = f"{head}{', '.join(items)}{tail}"
    return [line] if len(line) <= 112 else [head, *_wrapped(f"{', '.join(items)},"), tail]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 106, break_long_words=False, initial_indent="    ", subsequent_indent="    ")


def helpers(source: str) -> tuple[str, ...]:
    """The functions of the prelude that `source` uses."""
    return tuple(sorted(set(_HELPER.findall(source))))


def split(flat: str, names: Sequence[str], sizes: Sequence[int], kind: str) -> list[str]:
    """Defines variables over `sizes` from the position `flat` among all of them."""
    lines, step = [], 1
    for name, size in reversed(list(zip(names, sizes, strict=True))):
        quotient = flat if step == 1 else f"{flat} / {step}"
        first = name == names[0]
        lines.append(f"const {kind} {name} = {quotient if first else f'{quotient} % {size}'};")
        step *= size
    return lines[::-1]
