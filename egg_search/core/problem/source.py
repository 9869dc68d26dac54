"""What can be read from a problem file without running it."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from egg_search.core import syntax
from egg_search.core.errors import UserError

REQUIRED = {
    "Model": "a class Model(nn.Module)",
    "get_inputs": "a function get_inputs() that returns the list of forward's arguments",
    "get_init_inputs": "a function get_init_inputs() that returns the list (or dict) of Model's arguments",
}


def read_source(path: Path) -> str:
    """The text of `path`, in the encoding that it declares. Raises UserError when it cannot be read."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give the path of a problem file") from None
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path}: cannot be read as a Python file: {reason}") from None


def parse(source: str, where: str) -> ast.Module:
    """The syntax tree. Raises UserError with the line of a syntax error."""
    try:
        return syntax.parse(source)
    except SyntaxError as error:
        text = (error.text or "").strip()
        raise UserError(f"{where}: line {error.lineno}: {error.msg}{f': {text}' if text else ''}") from None
    except ValueError as error:  # null bytes
        raise UserError(f"{where}: not a Python file: {error}") from None


def require_definitions(source: str, path: Path) -> None:
    """Raises UserError unless the module binds every name of `REQUIRED` (a star import may bind anything)."""
    bound = bound_names(parse(source, str(path)).body)
    for name, wanted in REQUIRED.items():
        if not bound & {name, "*"}:
            raise UserError(f"{path}: no {name} at module level; a problem defines {wanted}")


def read_profiles(source: str, path: Path, profile: str) -> dict[str, Any]:
    """The overrides that the module-level dict `PROFILES` of literals names `profile`."""
    for node in parse(source, str(path)).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and "PROFILES" in bound_names([node]):
            profiles = _literal_profiles(node, path)
            if profile in profiles:
                return dict(profiles[profile])
            raise UserError(f"{path}: no profile {profile!r}; PROFILES has {', '.join(profiles) or 'none'}")
    raise UserError(f"{path}: no profile {profile!r}; the file has no PROFILES = {{...}} (set constants with --set)")


def _literal_profiles(node: ast.Assign | ast.AnnAssign, path: Path) -> dict[str, dict[str, Any]]:
    try:
        profiles = ast.literal_eval(node.value)
    except (ValueError, TypeError):
        profiles = None
    if not isinstance(profiles, dict) or not all(isinstance(each, dict) for each in profiles.values()):
        raise UserError(f"{path}: line {node.lineno}: PROFILES must be a dict of dicts of literals")
    return profiles


def bound_names(statements: Iterable[ast.AST]) -> set[str]:
    """Names that running `statements` may bind or delete in their own scope, also inside if, try, for and with."""
    names: set[str] = set()
    stack = list(statements)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif not isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            stack.extend(ast.iter_child_nodes(node))
    return names
