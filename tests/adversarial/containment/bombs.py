"""Too many processes and threads, too much memory. Each is bounded, so that a machine survives one that goes off."""

from containment.attack import FORWARD, HOG, IMPORT, INIT, REFUSAL, attack

from egg_search.core.verdict import Outcome

ANY = REFUSAL | {Outcome.OK}
# 1.6 GB by 800 MB, the limit of a worker here; the build stage's is its own, so there it may all fit.
ATTACKS = [
    *attack(
        "fork bomb",
        """
        with suppress(OSError):
            for _ in range(9):
                os.fork()
        time.sleep(20)
        """,
        (IMPORT,),
        ANY,
        needs="namespaces",
    ),
    *attack("a fork", "must_fail('forked', os.fork)", (INIT, FORWARD), needs="seccomp"),
    *attack("a fork by system call", "must_fail('forked', syscall, 57)", needs="seccomp"),
    *attack("a vfork by system call", "must_fail('forked', syscall, 56, 0x4111, 0, 0, 0, 0)", needs="seccomp"),
    *attack(
        "a clone3 by system call",
        "must_fail('forked', syscall, 435, struct.pack('11Q', 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0), 88)",
        needs="seccomp",
    ),
    *attack(
        "thread bomb",
        """
        with suppress(RuntimeError):
            for _ in range(6000):
                threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
        """,
        (IMPORT, INIT, FORWARD),
        ANY,
    ),
    *attack(
        "busy threads",
        """
        def spin():
            while True: pass
        for _ in range(20):
            threading.Thread(target=spin, daemon=True).start()
        """,
        (INIT,),
        ANY,
    ),
    *attack("memory at once", "hog = torch.ones(1 << 38, dtype=torch.uint8)", (INIT, FORWARD), HOG),
    *attack(
        "memory bit by bit",
        "hog = []\nwhile len(hog) < 160: hog.append(torch.ones(10 << 20, dtype=torch.uint8)); time.sleep(0.002)",
        (INIT, FORWARD),
        HOG,
    ),
    *attack(
        "memory in threads",
        """
        hogs = []
        def grow():
            for _ in range(40):
                hogs.append(b"x" * (10 << 20))
        threads = [threading.Thread(target=grow) for _ in range(4)]
        [each.start() for each in threads]
        [each.join() for each in threads]
        if len(hogs) == 160: breach("1.6 GB in threads")
        """,
        outcomes=ANY,
    ),
    *attack(
        "mapped memory, shared and touched",
        """
        import mmap
        hog = [mmap.mmap(-1, 100 << 20) for _ in range(16)]
        for each in hog: ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(each)), 1, 100 << 20)
        """,
        (INIT, FORWARD),
        HOG | {Outcome.RAISED, Outcome.LOAD_FAILED},
    ),
    *attack(
        "memory that is mapped nowhere",
        """
        block = bytes(20 << 20)
        self.hog = []
        with suppress(OSError):
            for _ in range(80):
                self.hog.append(os.memfd_create("hog"))
                os.write(self.hog[-1], block)
        if len(self.hog) == 80: breach("1.6 GB in memory files")
        time.sleep(0.3)
        """,
        (INIT, FORWARD),
        ANY,
        needs="seccomp",
    ),
    *attack(
        "memory in scratch directories",
        """
        places = [each for each in ("/tmp", "/var/tmp", "/dev/shm", os.getcwd()) if os.path.isdir(each)]
        block, written = bytes(20 << 20), []
        for number in range(80):
            with suppress(OSError):
                path = os.path.join(places[number % len(places)], f"hog-@TOKEN@-{number}")
                with open(path, "wb", buffering=0) as file:
                    written.append(path)
                    if file.write(block) < len(block): raise OSError
        filled = sum(map(os.path.getsize, written))
        time.sleep(0.3)
        for path in written: os.unlink(path)
        if filled >= 80 * len(block): breach("1.6 GB in files")
        """,
        (INIT, FORWARD),
        ANY,
        needs="namespaces",
    ),
    *attack(
        "memory in segments of System V",
        """
        LIBC.shmat.restype = ctypes.c_void_p
        segments = 0
        for _ in range(16):
            number = LIBC.shmget(0, ctypes.c_size_t(100 << 20), 0o1600)
            address = LIBC.shmat(number, None, 0) if number != -1 else None
            if address not in (None, ctypes.c_void_p(-1).value):
                ctypes.memset(address, 1, 100 << 20)
                LIBC.shmdt(ctypes.c_void_p(address))
                segments += 1
        if segments == 16: breach("1.6 GB in segments")
        """,
        (INIT,),
        ANY,
        needs="namespaces seccomp",
    ),
]
