"""Imports that no kernel needs."""

from __future__ import annotations

import ast

from evaluator.static.module import Flags, Module

CODE = "suspicious-import"
_WHY = {
    "the network": "socket socketserver ssl http urllib requests ftplib smtplib xmlrpc aiohttp websockets",
    "other frames and objects": "inspect gc tracemalloc pdb bdb",
    "other processes": "multiprocessing torch.multiprocessing torch.distributed _posixsubprocess pty ptrace",
    "shared memory": "mmap posix_ipc _posixshmem",
    "signals and limits": "signal resource",
    "code from bytes": "pickle _pickle cloudpickle dill shelve marshal codeop code",
    "the program that judges it": "evaluator egg_search operators principles",
}
_REASONS = {name: why for why, listed in _WHY.items() for name in listed.split()}
_IMPORTERS = ("importlib.import_module", "builtins.__import__", "importlib.__import__")


def suspicious_imports(module: Module) -> Flags:
    """Import statements, and calls that import by name."""
    for node in ast.walk(module.tree):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found = [f"{node.module}.{each.name}" for each in node.names]
        elif isinstance(node, ast.Call) and module.path(node.func) in _IMPORTERS and node.args:
            name = node.args[0]
            found = [name.value] if isinstance(name, ast.Constant) and isinstance(name.value, str) else []
        for name in found:
            if why := _reason(name):
                yield CODE, f"{name} ({why}) at line {node.lineno}"


def _reason(name: str) -> str | None:
    """Of the module or of a package that it is in."""
    parts = name.split(".")
    prefixes = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    return next((_REASONS[each] for each in prefixes if each in _REASONS), None)
