"""Small pieces of C++ text."""

from __future__ import annotations

from collections.abc import Iterable

from egg_search.core.knobs import Value


def loop(
    name: str, size: int | str, body: Iterable[str], start: str = "0", step: str = "", pragma: str = ""
) -> list[str]:
    """`for` over [start, size)."""
    advance = f"{name} += {step}" if step else f"++{name}"
    head = [f"#pragma {pragma}"] if pragma else []
    return [*head, f"for (long {name} = {start}; {name} < {size}; {advance}) {{", *body, "}"]


def indented(lines: Iterable[str]) -> str:
    """Lines indented by their braces; preprocessor lines at the margin."""
    result, depth = [], 0
    for line in lines:
        stripped = line.strip()
        depth -= stripped.startswith("}")
        margin = "" if stripped.startswith("#") and not stripped.startswith("#pragma") else "    " * depth
        result.append(margin + stripped)
        depth += stripped.count("{") - stripped.count("}") + stripped.startswith("}")
    return "\n".join(result) + "\n"


def default_macro(macro: str, value: Value) -> list[str]:
    """The macro's value unless the compiler is given another."""
    return [f"#ifndef {macro}", f"#define {macro} {value}", "#endif"]


def at_most(macro: str, size: int) -> str:
    return f"({macro} < {size} ? {macro} : {size})"
