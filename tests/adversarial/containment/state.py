"""What outlives a process: shared memory, queues, settings of the process that the next one would inherit."""

from containment.attack import FORWARD, IMPORT, INIT, REFUSAL, attack

from egg_search.core.verdict import Outcome

PLACES = (IMPORT, FORWARD)
ANY = REFUSAL | {Outcome.OK}
ATTACKS = [
    *attack("shared memory of System V", "LIBC.shmget(@KEY@, 4096, 0o1666)", PLACES, needs="namespaces"),
    *attack("semaphores of System V", "LIBC.semget(@KEY@, 1, 0o1666)", PLACES, needs="namespaces"),
    *attack("a message queue", "LIBC.mq_open(b'/egg-@TOKEN@', 0o102, 0o666, None)", PLACES, needs="namespaces"),
    *attack(
        "files in shared memory",
        """
        from multiprocessing import shared_memory
        with suppress(OSError):
            shared_memory.SharedMemory("egg-@TOKEN@", create=True, size=4096)
        LIBC.sem_open(b"/egg-@TOKEN@", 0o100, 0o666, 1)
        """,
        PLACES,
        needs="namespaces",
    ),
    *attack(
        "another directory, mask, session",
        """
        with suppress(OSError): os.chdir("/usr")
        os.umask(0)
        with suppress(OSError): os.setsid()
        with suppress(OSError): os.setpgid(0, 0)
        """,
        PLACES,
    ),
    *attack(
        "other signal handlers",
        """
        for number in signal.valid_signals():
            with suppress(OSError, ValueError): signal.signal(number, lambda *_: None)
        faults = [signal.signal(number, signal.SIG_IGN) for number in (signal.SIGSEGV, signal.SIGBUS)]
        """,
        PLACES,
    ),
    *attack("timers that go off later", "signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)", PLACES, ANY),
    *attack("a core dump", "LIBC.prctl(4, 1, 0, 0, 0); LIBC.abort()", PLACES, REFUSAL),
    *attack("another environment", "os.environ.clear(); os.environ['LD_PRELOAD'] = '/tmp/x.so'", PLACES),
    *attack("another name", "LIBC.prctl(15, b'init', 0, 0, 0)", PLACES),
    *attack(
        "broken torch",
        "torch.set_num_threads(1)\ntorch.set_default_dtype(torch.float64)\ntorch.set_flush_denormal(True)",
        (IMPORT, INIT),
        ANY,
    ),
    *attack("a broken interpreter", "import builtins; builtins.len = None; sys.modules.clear()", (IMPORT, INIT), ANY),
    *attack(
        "a broken server",
        """
        import evaluator.worker.server as server, evaluator.protocol.records as records
        server.pack_reply = records.pack_reply = lambda *_, **__: b"PASS"
        """,
        (IMPORT, INIT),
        ANY,
    ),
    *attack("memory that cannot be read", "LIBC.prctl(4, 0, 0, 0, 0)", (IMPORT, INIT, FORWARD), ANY),
]
