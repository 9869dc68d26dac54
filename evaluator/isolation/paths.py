"""Which paths of this machine a worker may see besides its own: the interpreter, libraries, and harmless files."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_OURS = ("evaluator", "egg_search/__init__.py", "egg_search/core")  # not what else lies beside them
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/sys/devices/system")
_FILES = """
    /etc/ld.so.cache /etc/ld.so.conf /etc/ld.so.conf.d /etc/alternatives /etc/localtime /etc/passwd /etc/nsswitch.conf
    /proc/cpuinfo /proc/meminfo /proc/stat /proc/version /proc/filesystems /proc/sys/vm /proc/sys/kernel/osrelease"""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def readable() -> list[str]:
    """Existing paths, for a process with this one's interpreter and libraries."""
    prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    wanted = [*prefixes, *sysconfig.get_paths().values(), *_search_path(), *_libraries(), *_SYSTEM, *_FILES.split()]
    wanted += [str(_ROOT / each) for each in _OURS]
    return [path for path in dict.fromkeys(wanted) if os.path.exists(path)]


def _search_path() -> list[str]:
    """Where modules come from, but for the directory of our own sources: it has a user's runs and problems too."""
    ours = {str(_ROOT), os.getcwd(), ""}
    return [path for path in (*sys.path, site.getusersitepackages()) if path not in ours]


def _libraries() -> list[str]:
    """The directories of the shared objects that this process has loaded, and of those that the user names."""
    named = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    lines = Path("/proc/self/maps").read_text().splitlines()
    loaded = {os.path.dirname(line.split(maxsplit=5)[5]) for line in lines if ".so" in line}
    return sorted({path for path in (*named, *loaded) if path.startswith("/") and path != "/"})
