"""A kernel's failure that is swallowed, so that torch computes the result."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from evaluator.static.loaded import Kernels
from evaluator.static.module import Flags, Module

CODE = "fall-back"


def fall_backs(module: Module) -> Flags:
    """Around launches on the way of forward, and around the loading of kernels on import. A handler that raises, or
    that goes to a kernel itself, is none; neither is a try around anything else."""
    kernels = Kernels(module)
    if not kernels.loaded:
        return
    on_import = [node for node in module.tree.body if isinstance(node, (ast.Try, ast.With))]
    inside = [node for function in module.on_the_way for node in ast.walk(function)]
    for node in (*on_import, *inside):
        if isinstance(node, ast.Try) and kernels.used(*_calls(node.body)):
            for handler in node.handlers:
                if not _raises(handler.body) and not kernels.used(*_not_assigned(handler.body)):
                    yield CODE, f"the handler at line {handler.lineno} goes on without the kernel"
        elif _suppresses(module, node) and kernels.used(*_calls(node.body)):
            yield CODE, f"errors of the kernel are suppressed at line {node.lineno}"


def _calls(body: Sequence[ast.stmt]) -> list[ast.Call]:
    return [node for each in body for node in ast.walk(each) if isinstance(node, ast.Call)]


def _raises(body: Sequence[ast.stmt]) -> bool:
    """On every way through."""
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _raises(last.body) and _raises(last.orelse)
    return isinstance(last, ast.Raise)


def _not_assigned(body: Sequence[ast.stmt]) -> Iterable[ast.AST]:
    """Expressions, without the targets of assignments: `KERNEL = None` uses no kernel."""
    for each in body:
        for node in ast.walk(each):
            if isinstance(node, ast.Call) or (isinstance(node, (ast.Name, ast.Attribute)) and _is_read(node)):
                yield node


def _is_read(node: ast.Name | ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Load)


def _suppresses(module: Module, node: ast.AST) -> bool:
    contexts = [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
    return any(isinstance(each, ast.Call) and module.path(each.func) == "contextlib.suppress" for each in contexts)
