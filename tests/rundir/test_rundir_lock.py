"""One driver at a time; the dead do not count."""

import os
import subprocess
import sys
import threading

import pytest

from egg_search.rundir import RunDirectory, RunDirectoryError
from egg_search.rundir.lock import Lock, holder

HOLD = """
import subprocess, sys, time
from pathlib import Path
from egg_search.rundir.lock import Lock
import os
lock = Lock(Path(sys.argv[1]))
os.set_inheritable(lock._descriptor, True)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_live_holder_is_named(tmp_path):
    path = tmp_path / "lock"
    lock = Lock(path)
    assert holder(path) == os.getpid()
    with pytest.raises(RunDirectoryError, match=rf"in use by a live driver \(pid {os.getpid()}\)"):
        Lock(path)
    lock.release()
    assert holder(path) is None
    Lock(path).release()


def test_a_killed_holder_does_not_block_even_when_its_child_kept_the_lock(tmp_path):
    path = tmp_path / "lock"
    driver = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    child = int(driver.stdout.readline())
    try:
        with pytest.raises(RunDirectoryError, match=f"pid {driver.pid}"):
            Lock(path)
        driver.kill()
        driver.wait()
        assert holder(path) is None
        Lock(path).release()
    finally:
        os.kill(child, 9)


def test_a_reused_pid_is_not_the_holder(tmp_path):
    path = tmp_path / "lock"
    path.write_text(f"{os.getpid()} 12.34\n")
    assert holder(path) is None


def test_a_driver_that_has_not_written_its_pid_yet_keeps_its_lock(tmp_path):
    """Between taking the lock and writing the pid nobody is named as its holder."""
    path = tmp_path / "lock"
    lock = Lock(path)
    written = path.read_text()
    path.write_text("")
    threading.Timer(0.1, path.write_text, [written]).start()
    with pytest.raises(RunDirectoryError, match=f"pid {os.getpid()}"):
        Lock(path)
    lock.release()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(RunDirectoryError, match="cannot be written: No such file"):
        Lock(tmp_path / "missing" / "lock")
    (tmp_path / "file").touch()
    with pytest.raises(RunDirectoryError, match="cannot be made: Not a directory"):
        RunDirectory.create(tmp_path / "file" / "run", {}, "", {})
