"""A candidate as an agent sees it: what was said before, and what every candidate has in common, is left out.

Edits are applied to the whole file; only what is shown can be searched for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from egg_search.core.candidate import Candidate
from egg_search.core.syntax import parse
from operators.authors.llm.helpers import helpers
from operators.authors.llm.prompts.fence import quote

_LONG = 40  # lines of a helper text, which then is told by its names only
_PLAN = re.compile(r"^# egg-plan: .*\n*", re.MULTILINE)
_IN_TEXT = re.compile(r"^(?:template .*>\s*)?[\w:<>, *]*?\b(\w+)\(", re.MULTILINE)
_SHOWN_NAMES = 24


def without_plan(source: str) -> str:
    """The expert's plan describes the code that the expert made of it, and not what became of that since."""
    return _PLAN.sub("", source)


def shown(candidate: Candidate, problem_source: str) -> str:
    """The source as a fenced block. Lines that are shown stand as in the file, blank ones too."""
    hidden = dict(_hidden(candidate, problem_source))
    kept: list[str] = []
    for number, line in enumerate(candidate.source.rstrip("\n").split("\n"), 1):
        instead = hidden.get(number)
        if instead is None:
            kept.append(line)
        elif _last(kept) != instead:
            kept.append(instead)
        else:
            del kept[len(kept) - kept[::-1].index(instead) :]  # blank lines between equal notes
    return quote("\n".join(kept), "python")


def _last(lines: list[str]) -> str:
    return next((line for line in reversed(lines) if line.strip()), "")


def _hidden(candidate: Candidate, problem_source: str) -> Iterator[tuple[int, str]]:
    """(line number, what stands there instead) of every line that is left out."""
    source, common = candidate.source, {name for helper in helpers(candidate.dialect) for name in helper.names}
    before = problem_source.rstrip()
    skipped = before.count("\n") + 1 if source.startswith(before) else 0
    for number in range(1, skipped + 1):
        yield number, "# [the problem's source, as above]"
    for node in parse(source).body:
        start = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        if start > skipped and (instead := _instead(node, common)) is not None:
            for number in range(start, (node.end_lineno or start) + 1):
                yield number, instead


def _instead(node: ast.stmt, common: set[str]) -> str | None:
    """None: it is shown."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return _HELPER if node.name.startswith(("_egg", "_Egg")) else None
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return _HELPER if all((each.asname or "").startswith("_") for each in node.names) else None
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
        return None
    name, value = node.targets[0].id, node.value
    text = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
    if name.startswith("_EGG") and text is not None and text.count("\n") > _LONG:
        names = list(dict.fromkeys(found for found in _IN_TEXT.findall(text) if found not in ("if", "for", "while")))
        return f"# [{name}: text with {', '.join(names[:_SHOWN_NAMES])}{', ...' if len(names) > _SHOWN_NAMES else ''}]"
    is_call = isinstance(value, ast.Call)  # which loads this candidate's own kernels
    return _HELPER if name in common and name.startswith("_EGG") and not is_call else None


_HELPER = "# [helpers of EGG]"
