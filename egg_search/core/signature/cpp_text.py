"""C++ as tokens, cut into function definitions. No parser: enough for kernels, and blind to what it does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PASS = re.compile(r"//[ \t]*pass:[ \t]*(?P<name>[^\n]*\S)")
_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(?P<name>\w+)\((?P<args>[^)]*)\)(?P<body>.*)$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(
    r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|[A-Za-z_]\w*|\.?\d(?:[eEpP][+-]|[\w.])*|'
    r"<<=|>>=|[-+*/%&|^=!<>]=|&&|\|\||\+\+|--|->|::|[^\s\w]"
)
_KEYWORDS = frozenset("if for while switch return sizeof alignof decltype catch alignas asm static_assert".split())
_STEMS = (
    "expm1 exp2 exp log1p log2 log10 log tanh tan sinh sin cosh cos asinh asin acosh acos atanh atan2 atan "
    "rsqrt sqrt cbrt erfc erf pow hypot fmod lgamma tgamma sigmoid".split()
)
_MATH = re.compile(rf"(?:fast|vec|simd|v|f)?(?P<stem>{'|'.join(_STEMS)})(?:[fdlsv]|ps|pd|\d)*")


@dataclass(frozen=True)
class Function:
    """One definition as tokens. `exported`: it has C linkage. `passes` are its `// pass: NAME` comments."""

    name: str
    exported: bool
    parameters: list[list[str]]
    body: list[str]
    passes: tuple[str, ...] = ()


def functions(text: str) -> Iterator[Function]:
    """The functions that `text` defines; a function-like macro counts as one. Directives are dropped."""
    text = _PASS.sub(lambda match: f'_egg_pass("{match["name"]}")', text)
    text = _COMMENT.sub(" ", text).replace("\\\n", " ")
    for macro in _MACRO.finditer(text):
        yield Function(macro["name"], False, [], _tokens(macro["body"]))
    tokens = _tokens(_DIRECTIVE.sub("", text))
    exported, blocks, position = False, [False], 0
    while position < len(tokens):
        token = tokens[position]
        end = _definition_end(tokens, position)
        if end is not None:
            yield _function(tokens, position, end, exported or blocks[-1])
            exported, position = False, _closing(tokens, end)
        elif token == "extern" and tokens[position + 1 : position + 2] == ['"C"']:
            exported = True
        elif token == "{":
            # Namespaces, structs and linkage blocks: what they hold is looked at as if it stood outside.
            blocks.append(exported or blocks[-1])
            exported = False
        elif token in "};":
            exported = False
            if token == "}" and len(blocks) > 1:
                blocks.pop()
        position += 1


def math_function(token: str) -> str | None:
    """`exp` for exp, expf, std::exp, v_exp, _mm256_exp_ps, Sleef_expf8_u10, ...; None for other names."""
    for piece in token.lower().split("_"):
        match = _MATH.fullmatch(piece)
        if match:
            return match["stem"]
    return None


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _definition_end(tokens: list[str], position: int) -> int | None:
    """Where the body's brace opens if a function definition's name is at `position`."""
    name = tokens[position]
    if not (name[0].isalpha() or name[0] == "_") or name in _KEYWORDS or tokens[position + 1 : position + 2] != ["("]:
        return None
    after = _closing(tokens, position + 1) + 1
    while after < len(tokens) and tokens[after] in ("const", "noexcept", "override"):
        after += 1
    return after if after < len(tokens) and tokens[after] == "{" else None


def _function(tokens: list[str], position: int, brace: int, exported: bool) -> Function:
    close = _closing(tokens, position + 1)
    body = tokens[brace + 1 : _closing(tokens, brace)]
    passes = tuple(body[i + 2].strip('"') for i, token in enumerate(body) if token == "_egg_pass")
    return Function(tokens[position], exported, _split(tokens[position + 2 : close]), body, passes)


def _closing(tokens: list[str], position: int) -> int:
    """The index of the bracket that closes the one at `position`; the last token when none does."""
    opening = tokens[position]
    closing = {"(": ")", "{": "}"}[opening]
    depth = 0
    for index in range(position, len(tokens)):
        depth += (tokens[index] == opening) - (tokens[index] == closing)
        if depth == 0:
            return index
    return len(tokens) - 1


def _split(tokens: list[str]) -> list[list[str]]:
    """Parameters, cut at the commas outside brackets."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token in "(<[") - (token in ")>]")
        if token == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]
