"""Changes to what everybody shares: functions of other modules, and global settings of torch."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from evaluator.static.module import Flags, Module

GLOBAL_SETTING = "global-setting"
_SETTINGS = ("torch.backends", "torch._dynamo.config", "torch._inductor.config")
_SWITCH = ("set_", "enable_", "allow_")
_SETTERS = {
    f"torch.{name}"
    for name in "set_num_threads set_num_interop_threads set_flush_denormal set_default_dtype set_default_device "
    "set_default_tensor_type set_float32_matmul_precision use_deterministic_algorithms "
    "set_deterministic_debug_mode".split()
}


def patches(module: Module) -> Flags:
    for node, target in _stores(module):
        path = module.path(target)
        if path is None or "." not in path or (path.startswith("builtins.") and isinstance(target, ast.Name)):
            continue
        if path.startswith(_SETTINGS):
            yield GLOBAL_SETTING, f"sets {path} at line {node.lineno}"
        else:
            yield "patch", f"replaces {path} at line {node.lineno}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and (path := module.path(node.func)):
            if path in _SETTERS or (path.startswith("torch.backends.") and path.rpartition(".")[2].startswith(_SWITCH)):
                yield GLOBAL_SETTING, f"calls {path} at line {node.lineno}"
            elif path in ("builtins.setattr", "builtins.delattr") and node.args and module.path(node.args[0]):
                yield "patch", f"replaces an attribute of {module.path(node.args[0])} at line {node.lineno}"


def _stores(module: Module) -> Iterator[tuple[ast.AST, ast.AST]]:
    """(where, what) of every attribute of something that is assigned or deleted, `vars(m)["x"]` too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node, node
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            held = node.value
            if isinstance(held, ast.Attribute) and held.attr == "__dict__":
                yield node, held
            elif isinstance(held, ast.Call) and module.path(held.func) == "builtins.vars" and held.args:
                yield node, ast.Attribute(held.args[0], "__dict__", ast.Load())
