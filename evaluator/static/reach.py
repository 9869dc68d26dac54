"""What reaches out of a candidate's own computation: system libraries, processes, threads and files."""

from __future__ import annotations

import ast

from evaluator.static.module import Flags, Module, reachable

_LIBRARIES = {f"ctypes.{name}" for name in "CDLL PyDLL cdll.LoadLibrary".split()}
_CONTROL = {
    f"os.{name}"
    for name in "fork forkpty kill killpg _exit abort execv execve execvp execl nice setpriority sched_setaffinity "
    "sched_setscheduler dup dup2 setns unshare ptrace memfd_create".split()
}
_THREADS = {"threading.Thread", "threading.Timer", "_thread.start_new_thread"}
_IN_FORWARD = {
    "subprocess": ("process-control", "starts a process"),
    "os.system": ("process-control", "starts a process"),
    "os.popen": ("process-control", "starts a process"),
    "os.posix_spawn": ("process-control", "starts a process"),
    "concurrent.futures": ("threads", "uses a pool"),
    "builtins.open": ("file-access", "opens a file"),
    "os.open": ("file-access", "opens a file"),
    "torch.load": ("file-access", "opens a file"),
    "torch.save": ("file-access", "opens a file"),
    "numpy.load": ("file-access", "opens a file"),
    "numpy.save": ("file-access", "opens a file"),
}


def reaches_outside(module: Module) -> Flags:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            path = module.path(node.func)
            if path in _LIBRARIES and _is_system(node):
                yield "system-library", f"loads libc at line {node.lineno}"
            elif path == "ctypes.util.find_library" and _literal(node) == "c":
                yield "system-library", f"looks for libc at line {node.lineno}"
            elif path in _CONTROL:
                yield "process-control", f"{path} at line {node.lineno}"
            elif path in _THREADS:
                yield "threads", f"starts a thread at line {node.lineno}"
        elif isinstance(node, ast.Attribute) and module.path(node) == "ctypes.pythonapi":
            yield "system-library", f"calls the interpreter's C functions at line {node.lineno}"
    for function in module.on_the_way:
        for node in reachable(function.body):
            if isinstance(node, ast.Call) and (path := module.path(node.func)):
                for prefix, (code, what) in _IN_FORWARD.items():
                    if path == prefix or path.startswith(f"{prefix}."):
                        yield code, f"forward {what} at line {node.lineno}"


def _is_system(call: ast.Call) -> bool:
    """CDLL(None) is the process itself, with all of libc."""
    if not call.args:
        return False
    value = _literal(call)
    if isinstance(call.args[0], ast.Constant) and value is None:
        return True
    return isinstance(value, str) and value.rpartition("/")[2].startswith("libc.")


def _literal(call: ast.Call) -> object:
    return call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
