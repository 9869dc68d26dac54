"""Other processes: to read them, to end them, to slow them down, to stay behind as one."""

from containment.attack import FORWARD, IMPORT, REFUSAL, attack

from egg_search.core.verdict import Outcome

PLACES = (IMPORT, FORWARD)
ANY = REFUSAL | {Outcome.OK}
# `os.kill(pid, 0)` that works says that the sentinel, and so everything else, is within reach: then stop at once.
GUARD = """
try:
    os.kill(@SENTINEL@, 0)
    reachable = True
except OSError:
    reachable = False
if reachable or os.getpid() > 1000 and platform.node() == "@HOST@" and os.path.exists("/proc/@SENTINEL@/stat"):
    breach("the sentinel is within reach")
"""

ATTACKS = [
    *attack(
        "reads an environment",
        """
        import glob
        if "OPENAI_API_KEY" in os.environ: breach("a key in its own environment")
        for path in ["/proc/self/environ", "/proc/@SENTINEL@/environ", *glob.glob("/proc/[0-9]*/environ")]:
            with suppress(OSError):
                if b"OPENAI_API_KEY" in open(path, "rb").read(): breach("a key in " + path)
        """,
        PLACES,
        needs="namespaces landlock",
    ),
    *attack(
        "reads command lines, maps and descriptors",
        """
        import glob
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with suppress(OSError):
                if b"sentinel" in open(path, "rb").read(): breach("the sentinel is seen")
        for name in ("maps", "mem", "cmdline", "fd/0", "root/etc/hostname"):
            must_fail("read the sentinel's " + name, lambda: open("/proc/@SENTINEL@/" + name, "rb").read(1))
        """,
        PLACES,
        needs="namespaces landlock",
    ),
    *attack(
        "reads and writes another's memory",
        """
        buffer = ctypes.create_string_buffer(16)
        for pid in {@SENTINEL@, os.getppid(), 1} - {os.getpid(), 0}:
            local, remote = struct.pack("QQ", ctypes.addressof(buffer), 8), struct.pack("QQ", id(sys), 8)
            must_fail("process_vm_readv", syscall, 310, pid, local, 1, remote, 1, 0)
            must_fail("process_vm_writev", syscall, 311, pid, local, 1, remote, 1, 0)
            must_fail("mem", lambda: open(f"/proc/{pid}/mem", "r+b").close())
        """,
        PLACES,
        needs="namespaces landlock",
    ),
    *attack(
        "traces others",
        """
        for pid in {@SENTINEL@, os.getppid(), 1} - {os.getpid(), 0}:
            must_fail("attached", syscall, 101, 16, pid, 0, 0)
            must_fail("seized", syscall, 101, 0x4206, pid, 0, 0)
        """,
        PLACES,
        needs="namespaces",
    ),
    *attack(
        "takes a descriptor of another process",
        """
        for pid in {@SENTINEL@, os.getppid(), 1} - {os.getpid(), 0}:
            handle = syscall(434, pid, 0)
            if handle >= 0:
                for number in range(8): must_fail("took a descriptor", syscall, 438, handle, number, 0)
        """,
        PLACES,
        needs="namespaces landlock",
    ),
    *attack(
        "signals to the sentinel",
        """
        for function in (os.kill, os.killpg): must_fail("signal", function, @SENTINEL@, signal.SIGTERM)
        must_fail("tkill", syscall, 200, @SENTINEL@, 15)
        must_fail("rt_sigqueueinfo", syscall, 129, @SENTINEL@, 15, bytes(128))
        """,
        PLACES,
        needs="namespaces",
    ),
    *attack(
        "kills its parent",
        GUARD
        + "if os.getppid() > 0:\n    with suppress(OSError): os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(0.1)",
        PLACES,
        ANY,
    ),
    *attack(
        "stops its parent",
        GUARD + "if os.getppid() > 0:\n    with suppress(OSError): os.kill(os.getppid(), signal.SIGSTOP)",
        PLACES,
        ANY,
        needs="namespaces",
    ),
    *attack(
        "kills its parent and would live on",
        GUARD + "LIBC.prctl(1, 0, 0, 0, 0)\nwith suppress(OSError): os.kill(max(1, os.getppid()), 9)\ntime.sleep(0.1)",
        PLACES,
        ANY,
        needs="namespaces",
    ),
    *attack("kills its group", GUARD + "with suppress(OSError): os.killpg(0, signal.SIGKILL)", PLACES, ANY),
    *attack(
        "kills everybody",
        GUARD + "for number in (signal.SIGSTOP, signal.SIGKILL):\n    with suppress(OSError): os.kill(-1, number)",
        PLACES,
        ANY,
        needs="namespaces seccomp",
    ),
    *attack(
        "asks to be signalled by everything",
        """
        import fcntl
        with suppress(OSError):
            fcntl.fcntl(3, fcntl.F_SETOWN, @SENTINEL@)
            fcntl.fcntl(3, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(3, fcntl.F_SETFL, fcntl.fcntl(3, fcntl.F_GETFL) | os.O_ASYNC)
        """,
        outcomes=ANY,
        needs="namespaces",
    ),
    *attack(
        "renices",
        """
        must_fail("a higher priority", os.setpriority, os.PRIO_PROCESS, 0, -5)
        for which, who in ((os.PRIO_PROCESS, @SENTINEL@), (os.PRIO_USER, 0), (os.PRIO_PROCESS, os.getppid())):
            with suppress(OSError):
                os.setpriority(which, who, 15)
        must_fail("real time", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(50))
        """,
        PLACES,
        ANY,
        needs="namespaces seccomp",
    ),
    *attack(
        "moves others to one core",
        """
        for pid in (@SENTINEL@, os.getppid(), 1):
            if pid not in (0, os.getpid()):
                with suppress(OSError): os.sched_setaffinity(pid, {0})
        """,
        PLACES,
        needs="namespaces",
    ),
    *attack(
        "raises its limits",
        """
        import resource
        for which in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
            soft, hard = resource.getrlimit(which)
            if hard != resource.RLIM_INFINITY:
                with suppress(ValueError): must_fail("raised", resource.setrlimit, which, (hard + 1, hard + 1))
        must_fail("prlimit of another", syscall, 302, @SENTINEL@, 7, struct.pack("QQ", 0, 0), 0)
        """,
        PLACES,
        needs="namespaces seccomp",
    ),
    *attack(
        "orphans in sessions of their own",
        """
        with suppress(OSError):
            if os.fork() == 0:
                os.setsid()
                LIBC.prctl(1, 0, 0, 0, 0)
                for number in signal.valid_signals() - {9, 19}:
                    with suppress(OSError, ValueError): signal.signal(number, signal.SIG_IGN)
                os.fork()
                time.sleep(60)
                os._exit(0)
        """,
        PLACES,
        ANY,
    ),
    *attack(
        "an orphan with the channel and the messages",
        """
        with suppress(OSError):
            if os.fork() == 0:
                os.setsid()
                time.sleep(60)
                os._exit(0)
        os._exit(0)
        """,
        PLACES,
        REFUSAL - {Outcome.TIMED_OUT, Outcome.BUILD_TIMEOUT},
    ),
    *attack(
        "a compiler's child that outlives it",
        """
        import subprocess
        with suppress(OSError):
            subprocess.run(["/bin/sh", "-c", "(sleep 61 &) ; (setsid sleep 61 &)"], timeout=2)
        """,
        (IMPORT,),
        ANY,
    ),
]
