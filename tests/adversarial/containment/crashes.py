"""Ways to die."""

from containment.attack import CRASH, FORWARD, IMPORT, INIT, REFUSAL, STATE, attack

from egg_search.core.verdict import Outcome

EVERYWHERE = (IMPORT, INIT, STATE, FORWARD)
ANY = REFUSAL | {Outcome.OK}

ATTACKS = [
    *attack("segmentation fault", "ctypes.string_at(0)", EVERYWHERE, CRASH),
    *attack("abort", "LIBC.abort()", (IMPORT, FORWARD), CRASH),
    *attack("division by zero", r"run_code(b'\x31\xc9\x31\xd2\xf7\xf1\xc3')", outcomes=CRASH),
    *attack("illegal instruction", r"run_code(b'\x0f\x0b')", outcomes=CRASH),
    *attack("endless recursion in C", r"run_code(b'\xe8\xfb\xff\xff\xff')", (IMPORT, FORWARD), CRASH),
    *attack(
        "jump to null", "ctypes.CFUNCTYPE(None)(ctypes.c_void_p(0).value or 0)()", outcomes=CRASH | {Outcome.RAISED}
    ),
    *attack("jump into data", "ctypes.CFUNCTYPE(None)(x.data_ptr())()", outcomes=CRASH),
    *attack(
        "recursion in Python that ends",
        "f = lambda: f()\nf()",
        (IMPORT, FORWARD),
        frozenset({Outcome.RAISED, Outcome.BUILD_FAILED}),
    ),
    *attack(
        "recursion through C in Python",
        """
        sys.setrecursionlimit(1 << 30)
        class Deep:
            def __repr__(self):
                return repr([self])
        repr(Deep())
        """,
        outcomes=CRASH | {Outcome.RAISED, Outcome.OUT_OF_MEMORY},
    ),
    *attack(
        "double free",
        """
        LIBC.malloc.restype, LIBC.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        p = LIBC.malloc(40)
        LIBC.free(p)
        LIBC.free(p)
        """,
        outcomes=CRASH,
    ),
    *attack(
        "heap corruption that shows later",
        """
        LIBC.malloc.restype = ctypes.c_void_p
        ctypes.memset(LIBC.malloc(24) + 24, 0x41, 1 << 14)
        """,
        (INIT, FORWARD),
        ANY,
    ),
    *attack("scribbling over the interpreter", "ctypes.memset(id(type(self)) , 0xFF, 512)", (INIT, FORWARD), ANY),
    *attack("a signal of its own", "os.kill(os.getpid(), signal.SIGKILL)", (IMPORT, FORWARD), ANY),
    *attack("exit without a word", "os._exit(0)", EVERYWHERE, CRASH),
    *attack(
        "exit in a thread, later",
        "threading.Timer(0.003, os._exit, (3,)).start(); self.n = getattr(self, 'n', 0) + 1; time.sleep(0.01)",
        outcomes=CRASH,
    ),
    *attack(
        "a crash in the second import only",
        """
        mark = os.path.join(os.environ["EGG_BUILD_DIR"], "mark-@TOKEN@")
        if os.path.exists(mark):
            LIBC.abort()
        open(mark, "w").close()
        """,
        (IMPORT,),
        ANY,
    ),
    *attack("a crash when it is closed", "import atexit; atexit.register(ctypes.string_at, 0)", (IMPORT, FORWARD)),
    *attack("an exception that is no Exception", "raise type('Odd', (BaseException,), {})()", EVERYWHERE, REFUSAL),
    *attack(
        "an exception whose text fails",
        """
        class Odd(Exception):
            def __str__(self):
                raise self
        raise Odd
        """,
        (IMPORT, FORWARD),
        REFUSAL,
    ),
    *attack(
        "an exception with a text of a terminal's commands",
        r"raise ValueError('\x1b[2J\x1b]0;title\x07\x00\r\n' * 3 + '\ud800\u202e')",
        (IMPORT, INIT, FORWARD),
        REFUSAL,
    ),
    *attack("an exception with an endless text", "raise ValueError('x' * (200 << 20))", (IMPORT, FORWARD), REFUSAL),
    *attack("strict seccomp on itself", "LIBC.prctl(22, 1, 0, 0, 0)", outcomes=ANY),
    *attack(
        "the smallest limits for itself",
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))",
        (INIT, FORWARD),
    ),
]
