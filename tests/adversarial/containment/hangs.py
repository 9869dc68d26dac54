"""Ways never to answer."""

from containment.attack import FORWARD, HANG, IMPORT, INIT, REFUSAL, STATE, attack

EVERYWHERE = (IMPORT, INIT, STATE, FORWARD)

ATTACKS = [
    *attack("busy", "while True: pass", EVERYWHERE, HANG),
    *attack("asleep", "time.sleep(1000)", EVERYWHERE, HANG),
    *attack("busy in C with the GIL", r"run_code(b'\xeb\xfe', holding_gil=True)", (IMPORT, FORWARD), HANG),
    *attack("a lock taken twice", "lock = threading.Lock()\nlock.acquire()\nlock.acquire()", (IMPORT, FORWARD), HANG),
    *attack("waits for a thread that waits", "threading.Thread(target=time.sleep, args=(1000,)).run()", outcomes=HANG),
    *attack(
        "deaf to every signal",
        """
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            with suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True: time.sleep(1)
        """,
        (IMPORT, FORWARD),
        HANG,
    ),
    *attack("stopped by itself", "os.kill(os.getpid(), signal.SIGSTOP); time.sleep(1000)", (IMPORT, FORWARD), HANG),
    *attack("reads a pipe that nobody writes", "os.read(os.pipe()[0], 1)", (INIT, FORWARD), HANG),
    *attack("reads what the verifier sends", "os.read(3, 1); time.sleep(1000)", (INIT, FORWARD), REFUSAL),
    *attack(
        "an exception whose text never ends",
        """
        class Slow(Exception):
            def __str__(self):
                while True: pass
        raise Slow
        """,
        (IMPORT, FORWARD),
        HANG,
    ),
    *attack(
        "an output that is never detached",
        """
        class Slow(torch.Tensor):
            def detach(self):
                while True: pass
        return Model.forward(self, x).as_subclass(Slow)
        """,
        outcomes=REFUSAL,
    ),
    *attack("waits at its end", "import atexit; atexit.register(time.sleep, 1000)", (IMPORT, FORWARD)),
    *attack(
        "threads that never end",
        "threading.Thread(target=time.sleep, args=(1000,)).start()",
        (IMPORT, INIT),
    ),
    *attack(
        "the outputs contain themselves",
        "y = [Model.forward(self, x)]; y.append(y); return y",
        outcomes=REFUSAL,
    ),
    *attack("endless outputs", "return iter(lambda: x, None)", outcomes=REFUSAL),
    *attack("a million outputs", "return [x] * 1_000_000", outcomes=REFUSAL),
    *attack(
        "busy, behind a hundred busy threads",
        # its time must not be taken for that of a busy machine
        r"""
        threading.stack_size(1 << 16)
        for _ in range(100):
            threading.Thread(target=run_code, args=(b"\xeb\xfe",), daemon=True).start()
        while True: pass
        """,
        (IMPORT, INIT, FORWARD),
        HANG,
    ),
    *attack(
        "denied calls without end",
        # the verifier answers each of them, and must look at its clock all the same
        """
        def ask():
            while True: LIBC.setpriority(0, 0, -5)
        for _ in range(4): threading.Thread(target=ask, daemon=True).start()
        ask()
        """,
        (IMPORT, FORWARD),
        HANG,
    ),
    *attack(
        "waits for a helper that is busy for ever",
        """
        import subprocess
        subprocess.run(["/bin/sh", "-c", "while :; do :; done"])
        """,
        (IMPORT,),
        HANG,
        needs="namespaces",
    ),
    *attack(
        "waits for helpers that come and go",
        """
        import subprocess
        while True: subprocess.run(["/bin/sleep", "0.05"])
        """,
        (IMPORT,),
        HANG,
        needs="namespaces",
    ),
]
