"""Code that is made at run time, and looks into what is none of the candidate's business."""

from __future__ import annotations

import ast

from evaluator.static.module import Flags, Module

_DYNAMIC = {f"builtins.{name}" for name in "eval exec compile __import__".split()}
_WALKERS = {f"sys.{name}" for name in "_getframe _current_frames settrace setprofile _current_exceptions".split()}
_INSIDES = set("f_back f_locals f_globals tb_frame gi_frame __globals__ __closure__ __subclasses__".split())


def dynamic_code(module: Module) -> Flags:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        path = module.path(node.func)
        if path in _DYNAMIC:
            yield "run-time-code", f"calls {path.partition('.')[2]} at line {node.lineno}"
        elif path == "importlib.import_module" and node.args and not isinstance(node.args[0], ast.Constant):
            yield "run-time-code", f"imports a module whose name is computed at line {node.lineno}"


def frame_walks(module: Module) -> Flags:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and (node.attr in _INSIDES or module.path(node) in _WALKERS):
            yield "frame-walking", f"{node.attr} at line {node.lineno}"
        elif isinstance(node, ast.Subscript) and module.path(node.value) == "sys.modules" and not _is_own(node.slice):
            yield "frame-walking", f"another module through sys.modules at line {node.lineno}"


def _is_own(name: ast.expr) -> bool:
    return isinstance(name, ast.Name) and name.id == "__name__"
