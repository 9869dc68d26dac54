"""A copy that the operating system makes for a thread goes on until it is done, stopped or not."""

from entries import entry

from egg_search.core.verdict import Outcome

LATE = {Outcome.WRONG_VALUES, Outcome.NONDETERMINISTIC, Outcome.PROTOCOL, Outcome.RAISED, Outcome.CRASHED}
FILE = """
import mmap, os, threading, time

def backing(size):
    try:
        fd = os.memfd_create("y")
    except OSError:
        path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"y{os.getpid()}")
        fd = os.open(path, os.O_RDWR | os.O_CREAT)
        os.unlink(path)
    os.ftruncate(fd, size)
    return fd, mmap.mmap(fd, size)
"""
FORWARD = """
size = 4 * (x.numel() + y.numel())
if self.file is None or len(self.file[1]) != size:
    try:
        self.file = backing(size)
    except OSError:
        return Model.forward(self, x, y)
fd, memory = self.file
result = torch.frombuffer(memory, dtype=x.dtype).view(len(x) + len(y), -1)
parts = [t.numpy().data.cast("B") for t in (x, y)]
os.lseek(fd, 0, 0)
begun = threading.Event()

def copy():
    begun.set()
    os.writev(fd, parts)

{call}
return result
"""


def _copy(name, call):
    return entry(
        name,
        "joined",
        FORWARD.format(call=call),
        before=FILE,
        init="self.file = None",
        outcomes=LATE,
        gain_free=True,
    )


ENTRIES = [
    _copy("a file is written, at once", "copy()"),
    _copy(
        "a file is written by a thread, after the return",
        "threading.Thread(target=copy, daemon=True).start()\nbegun.wait()\ntime.sleep(0.00003)",
    ),
]
