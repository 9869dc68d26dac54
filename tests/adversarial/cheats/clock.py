"""Against the clock and against the baseline: patched clocks, other speeds of the machine, more of it."""

from entries import entry

from egg_search.core.verdict import Outcome

REFUSED = {
    Outcome.RAISED,
    Outcome.CRASHED,
    Outcome.TIMED_OUT,
    Outcome.PROTOCOL,
    Outcome.LOAD_FAILED,
    Outcome.BUILD_FAILED,
    Outcome.OUT_OF_MEMORY,
}


def _clock(name, problem, forward="", before="", init="", outcomes=REFUSED):
    """May be refused for what it tries; if accepted it has gained nothing."""
    return entry(name, problem, forward, before=before, init=init, outcomes=outcomes, gain_free=True)


SIBLINGS = """
def siblings():
    '''Processes of our parent, and the parent.'''
    parent, found = os.getppid(), []
    for each in os.listdir("/proc"):
        if each.isdigit() and int(each) != os.getpid():
            try:
                fields = open(f"/proc/{each}/stat").read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent and parent > 1:
                found.append(int(each))
    return found
"""
# Runs only while our own process is stopped: the baseline's turn. It ends by itself.
BURNER = """
import mmap, os, time
FLAG = mmap.mmap(-1, 8)

def burn():
    if os.fork() == 0:
        os.setsid()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            state = open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()[0]
            if state != "T":
                time.sleep(0.0005)
            else:
                for _ in range(20000):
                    pass
        os._exit(0)
"""

ENTRIES = [
    _clock("perf_counter stands still", "norm_softmax", before="import time\ntime.perf_counter = lambda: 0.0"),
    _clock(
        "all clocks run slowly",
        "linear_gelu",
        before="""
            import time
            for name in ("perf_counter", "monotonic", "time", "process_time", "thread_time"):
                setattr(time, name, lambda real=getattr(time, name): real() / 8)
                setattr(time, name + "_ns", lambda real=getattr(time, name + "_ns"): real() // 8)
        """,
    ),
    _clock(
        "torch's timers lie",
        "conv_block",
        before="""
            import timeit
            import torch.utils.benchmark
            timeit.default_timer = lambda: 0.0
            torch.utils.benchmark.Timer.timeit = lambda *_: 0.0
            torch.cpu.synchronize = lambda *_: None
        """,
    ),
    _clock(
        "sleeps while it is warmed up",
        "margin_loss",
        """
        self.calls += 1
        if self.calls < 8:
            time.sleep(0.05)
        return Model.forward(self, x, centers, labels)
        """,
        "import time",
        "self.calls = 0",
    ),
    _clock("torch's threads are taken", "gated_chain", before="torch.set_num_threads(1)"),
    _clock("more threads than cores", "linear_gelu", before="torch.set_num_threads(16)"),
    _clock("all cores", "gated_chain", before="import os\nos.sched_setaffinity(0, range(os.cpu_count()))"),
    _clock(
        "all cores, if it may",
        "gated_chain",
        before="""
            import os
            try:
                os.sched_setaffinity(0, range(os.cpu_count()))
                torch.set_num_threads(os.cpu_count())
            except OSError:
                pass
        """,
    ),
    _clock(
        "first in line",
        "norm_softmax",
        before="""
            import os
            for attempt in (
                lambda: os.setpriority(os.PRIO_PROCESS, 0, -20),
                lambda: os.nice(-20),
                lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)),
            ):
                try:
                    attempt()
                except OSError:
                    pass
        """,
    ),
    _clock(
        "siblings are reniced",
        "linear_gelu",
        before="import os\n"
        + SIBLINGS
        + """
for pid in siblings():
    try:
        os.setpriority(os.PRIO_PROCESS, pid, 19)
    except OSError:
        pass
""",
    ),
    _clock(
        "siblings share one core",
        "gated_chain",
        before="import os\n"
        + SIBLINGS
        + """
for pid in siblings():
    try:
        os.sched_setaffinity(pid, {min(os.sched_getaffinity(pid))})
    except OSError:
        pass
""",
    ),
    _clock(
        "a child burns the cores while the worker is stopped",
        "linear_gelu",
        """
        if not self.burning:
            self.burning = True
            try:
                burn(), burn()
            except OSError:
                pass
        return Model.forward(self, x)
        """,
        BURNER,
        "self.burning = False",
    ),
    _clock(
        "threads spin between calls",
        "norm_softmax",
        """
        global BUSY
        BUSY = True
        y = Model.forward(self, x)
        BUSY = False
        return y
        """,
        """
        import threading, time
        BUSY = False

        def spin():
            end = time.monotonic() + 1
            while time.monotonic() < end:
                if BUSY:
                    time.sleep(0.001)

        for _ in range(3):
            threading.Thread(target=spin, daemon=True).start()
        """,
    ),
    _clock(
        "caches are thrown out at the end of a call",
        "gated_chain",
        """
        y = Model.forward(self, x, gate)
        threading.Thread(target=self.waste.add_, args=(1,), daemon=True).start()
        return y
        """,
        "import threading",
        "self.__dict__['waste'] = torch.zeros(1 << 22)",
    ),
    _clock(
        "denormals are flushed",
        "running_total",
        before="torch.set_flush_denormal(True)",
        outcomes=Outcome.WRONG_VALUES,  # sums of many of them are no denormals
    ),
    _clock(
        "the collector is off, and everything kept",
        "norm_softmax",
        """
        gc.disable()
        KEPT.append((x, Model.forward(self, x)))
        return KEPT[-1][1]
        """,
        "import gc\nKEPT = []",
    ),
    _clock(
        "memory is taken beforehand",
        "gated_chain",
        """
        return torch.mul(torch.tanh(x * self.gain + self.shift), torch.sigmoid(gate)).add_(x)
        """,
        "HOARD = [torch.empty(1 << 20) for _ in range(40)]\nHOARD.clear()",
    ),
    _clock(
        "the channel is polled, not waited for",
        "margin_loss",
        before="""
            import socket
            received = socket.recv_fds

            def polling(sock, *rest):
                sock.setblocking(False)
                while True:
                    try:
                        return received(sock, *rest)
                    except BlockingIOError:
                        continue
                    finally:
                        sock.setblocking(True)

            socket.recv_fds = polling
        """,
    ),
    _clock(
        "a nap of the process itself",
        "linear_gelu",
        """
        self.calls += 1
        if self.calls % 5 == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        return Model.forward(self, x)
        """,
        "import os, signal",
        "self.calls = 0",
    ),
    _clock(
        "stops are ignored",
        "linear_gelu",
        before="""
            import signal
            for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except OSError:
                    pass
        """,
    ),
    _clock(
        "a process group of its own",
        "gated_chain",
        """
        try:
            os.setpgid(0, 0)
            os.setsid()
        except OSError:
            pass
        return Model.forward(self, x, gate)
        """,
        "import os",
    ),
    _clock(
        "a debugger's pace: every call of the baseline's library is hooked",
        "norm_softmax",
        before="""
            import sys, threading
            sys.setprofile(None)
            threading.setprofile(lambda *_: None)
            sys.setswitchinterval(10)
        """,
    ),
]
