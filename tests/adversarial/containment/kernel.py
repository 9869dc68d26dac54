"""Doors of the kernel."""

from containment.attack import CRASH, FORWARD, IMPORT, REFUSAL, attack

from egg_search.core.verdict import Outcome

PLACES = (IMPORT, FORWARD)
ANY = REFUSAL | {Outcome.OK}
NEEDS = "seccomp"
EXEC = CRASH | {Outcome.RAISED, Outcome.OK}
ATTACKS = [
    *attack(
        "new namespaces",
        """
        for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000):
            must_fail(f"unshare {flag:x}", syscall, 272, flag)
        must_fail("setns", lambda: syscall(308, os.open("/proc/1/ns/mnt", os.O_RDONLY), 0))
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "mounts",
        """
        must_fail("mount", syscall, 165, b"none", b"/tmp", b"tmpfs", 0, 0)
        must_fail("bind", syscall, 165, b"/", b"/tmp", 0, 0x1000, 0)
        must_fail("remount", syscall, 165, b"none", b"/", 0, 0x20, 0)
        must_fail("umount", syscall, 166, b"/tmp", 2)
        must_fail("pivot_root", syscall, 155, b"/tmp", b"/tmp")
        must_fail("fsopen", syscall, 430, b"tmpfs", 0)
        must_fail("open_tree", syscall, 428, -100, b"/", 1)
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack("a new root", "must_fail('chroot', syscall, 161, b'/usr')", PLACES, needs=NEEDS),
    *attack("a host name", "must_fail('sethostname', syscall, 170, b'taken', 5)", PLACES, needs="namespaces seccomp"),
    *attack("another personality", "syscall(135, 0x0040000)", PLACES),
    *attack("io_uring", "must_fail('io_uring', syscall, 425, 8, bytes(120))", PLACES, needs=NEEDS),
    *attack(
        "bpf",
        "must_fail('bpf', syscall, 321, 0, struct.pack('IIIII', 2, 4, 4, 1, 0) + bytes(100), 120)",
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "perf events",
        "must_fail('perf', syscall, 298, struct.pack('IIQ', 1, 112, 0) + bytes(96), 0, -1, -1, 0)",
        PLACES,
        needs=NEEDS,
    ),
    *attack("userfaultfd", "must_fail('userfaultfd', syscall, 323, 1)", PLACES, needs=NEEDS),
    *attack(
        "keyrings",
        """
        must_fail("a key", syscall, 248, b"user", b"egg-@TOKEN@", b"x", 1, -4)
        must_fail("a keyring", syscall, 250, 1, b"egg-@TOKEN@")
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "modules, kexec, swap, clocks' looks",
        """
        must_fail("init_module", syscall, 175, b"", 0, b"")
        must_fail("finit_module", syscall, 313, 0, b"", 0)
        must_fail("kexec_load", syscall, 246, 0, 0, 0, 0)
        must_fail("syslog", syscall, 103, 3, ctypes.create_string_buffer(64), 64)
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "capabilities again",
        """
        header, data = struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0xFFFFFFFF, 0xFFFFFFFF, 0] * 2)
        must_fail("capset", syscall, 126, header, data)
        with suppress(OSError):
            held = [line for line in open("/proc/self/status") if line.startswith(("CapEff", "CapBnd"))]
            if any(int(line.split()[1], 16) for line in held if line.startswith("CapEff")): breach("".join(held))
        """,
        PLACES,
        needs="namespaces",
    ),
    *attack(
        "a shell in its place",
        "with suppress(OSError): os.execv('/bin/sh', ['sh', '-c', 'exit 77'])",
        outcomes=EXEC,
        needs=NEEDS,
    ),
    *attack(
        "a program from memory",
        """
        fd = os.memfd_create("program")
        os.write(fd, open("/bin/true", "rb").read())
        with suppress(OSError): os.execve(fd, ["true"], {})
        must_fail("execveat", syscall, 322, fd, b"", 0, 0, 0x1000)
        """,
        outcomes=EXEC,
        needs=NEEDS,
    ),
    *attack(
        "os.system, popen, subprocess",
        """
        import subprocess
        if os.system("exit 0") == 0: breach("a shell ran")
        must_fail("subprocess", lambda: subprocess.run(["/bin/true"]))
        must_fail("posix_spawn", lambda: os.posix_spawn("/bin/true", ["true"], {}))
        must_fail("popen", lambda: int(os.popen("echo 0").read()) if True else -1)
        """,
        outcomes=EXEC | {Outcome.RAISED},
        needs=NEEDS,
    ),
    *attack(
        "a compiler in forward",
        "import subprocess; must_fail('g++ ran', lambda: subprocess.run(['g++', '--version'], capture_output=True))",
        needs=NEEDS,
    ),
    *attack(
        "every system call that there is",
        # not those that change the machine where nothing contains them, nor those that end or stop the caller
        """
        skipped = {0, 7, 13, 14, 15, 23, 34, 48, 60, 61, 62, 88, 128, 129, 130, 153, 162, 164, 167, 168, 169, 170,
                   171, 200, 202, 219, 227, 231, 232, 234, 247, 270, 271, 281, 305, 159, 163, 173, 172, 179, 435, 441}
        LIBC.alarm(0)
        for number in range(462):
            if number not in skipped: syscall(number, -1, -1, -1, -1, -1, -1)
        """,
        outcomes=ANY,
        needs="namespaces seccomp landlock",
    ),
]
