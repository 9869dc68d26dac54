"""What attacks aim at, all of it made for the purpose; and whether it is intact."""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import subprocess
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import torch

import evaluator

_libc = ctypes.CDLL(None, use_errno=True)
_REPOSITORY = Path(evaluator.__file__).parents[1]


class Victims:
    """A directory with a key, a process, sockets that listen, names that must not come into being."""

    def __init__(self, directory: Path, results: list[str]) -> None:
        self.token = secrets.token_hex(6)
        self._key = secrets.randbits(30)
        self._directory, self.gate = directory / "secrets", directory / "gate"
        self._directory.mkdir()
        (self._directory / "key.txt").write_text("a key")
        (self._directory / "journal.db").write_bytes(bytes(range(256)))
        self._files = self._snapshot()
        self._tcp, self._udp = socket.create_server(("127.0.0.1", 0)), socket.socket(type=socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self._unix, self._abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        short = tempfile.mkdtemp(prefix="egg-")  # the path of a socket is at most 107 characters long
        self._unix.bind(os.path.join(short, "socket"))
        self._abstract.bind(f"\0egg-{self.token}")
        for each in (self._unix, self._abstract):
            each.listen()
        for each in (self._tcp, self._udp, self._unix, self._abstract):
            each.setblocking(False)
        environment = {**os.environ, "OPENAI_API_KEY": "a key"}
        name = [f"sentinel-{self.token}", "600"]
        self._process = subprocess.Popen(name, executable="/bin/sleep", env=environment, start_new_session=True)
        self._sentinel = psutil.Process(self._process.pid)
        self._settings = self._settings_now()
        self.names = {
            "TOKEN": self.token,
            "KEY": str(self._key),
            "DIRECTORY": str(self._directory),
            "GATE": str(self.gate),
            "REPOSITORY": str(_REPOSITORY),
            "RESULTS": " ".join(results),
            "TCP": str(self._tcp.getsockname()[1]),
            "UDP": str(self._udp.getsockname()[1]),
            "UNIX": os.path.join(short, "socket"),
            "ABSTRACT": f"egg-{self.token}",
            "SENTINEL": str(self._process.pid),
            "HOST": socket.gethostname(),
        }

    def __enter__(self) -> Victims:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        for each in (self._tcp, self._udp, self._unix, self._abstract):
            each.close()
        path = Path(self.names["UNIX"])
        path.unlink(missing_ok=True)
        path.parent.rmdir()

    def check(self) -> None:
        """Asserts that all are as they were."""
        assert self._snapshot() == self._files
        for each in (self._tcp, self._unix, self._abstract):
            with _nobody():
                each.accept()
        with _nobody():
            self._udp.recv(100)
        assert self._process.poll() is None, "the sentinel is dead"
        assert (now := self._settings_now()) == self._settings, f"{self._settings} became {now}"
        assert not (left := self._left_behind()), left
        assert _libc.shmget(self._key, 0, 0) == -1 and _libc.semget(self._key, 0, 0) == -1
        assert _libc.mq_open(f"/egg-{self.token}".encode(), os.O_RDONLY) == -1
        search = ctypes.c_long(250), 10, -4, b"user", f"egg-{self.token}".encode(), 0
        assert _libc.syscall(*search) == -1, "a key was left in the keyring"

    def forget(self) -> None:
        """Lets those go that have come in on purpose."""
        for each in (self._tcp, self._unix, self._abstract):
            with suppress(BlockingIOError):
                each.accept()[0].close()

    def _snapshot(self) -> dict[str, tuple]:
        found = {}
        for path in sorted(self._directory.rglob("*")):
            status = path.lstat()
            found[path.name] = path.read_bytes(), status.st_mode, status.st_mtime_ns, os.listxattr(path)
        return found

    def _settings_now(self) -> list[object]:
        """Of the sentinel and of this process: what another process could change."""
        mask = os.umask(0)
        os.umask(mask)
        status = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        state = [line for line in status if line.startswith("TracerPid")]
        state.append("stopped" if any(line.startswith("State:\tT") for line in status) else "goes on")
        both = [
            (each.nice(), each.cpu_affinity(), each.rlimit(psutil.RLIMIT_NOFILE))
            for each in (self._sentinel, psutil.Process())
        ]
        return [both, state, mask, os.getcwd(), socket.gethostname()]

    def _left_behind(self) -> list[Path]:
        libraries = [Path(torch.__file__).parent, Path(evaluator.__file__).parent, Path(sysconfig.get_path("stdlib"))]
        caches = [each / "__pycache__" for each in libraries]
        places = [Path(each) for each in ("/tmp", tempfile.gettempdir(), "/var/tmp", "/dev/shm", "/run", "/", ".")]
        places += [Path.home(), _REPOSITORY, *libraries, *caches]
        return [each for place in set(places) if place.is_dir() for each in place.glob(f"*{self.token}*")]


class _nobody:
    """Asserts that the body would have to wait for somebody."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, *_: object) -> bool:
        assert kind is BlockingIOError, "somebody is there"
        return True
