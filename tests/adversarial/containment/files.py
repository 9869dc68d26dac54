"""Files that are none of a candidate's business: keys, other candidates' results, the libraries, the machine."""

from containment.attack import FORWARD, IMPORT, REFUSAL, STATE, attack

from egg_search.core.verdict import Outcome

PLACES = (IMPORT, FORWARD)
ANY = REFUSAL | {Outcome.OK}
NEEDS = "landlock"
ATTACKS = [
    *attack("reads a key", "must_fail('read a key', lambda: open('@DIRECTORY@/key.txt').read())", PLACES, needs=NEEDS),
    *attack("lists a directory", "must_fail('listed', os.listdir, '@DIRECTORY@')", PLACES, needs=NEEDS),
    *attack(
        "reads a key through a link",
        """
        import tempfile
        link = os.path.join(tempfile.gettempdir(), "link-@TOKEN@")
        with suppress(OSError):
            os.symlink("@DIRECTORY@/key.txt", link)
        must_fail("read a key", lambda: open(link).read())
        with suppress(OSError):
            os.unlink(link)
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "a hard link to a key",
        """
        import tempfile
        must_fail("linked", os.link, "@DIRECTORY@/key.txt", os.path.join(tempfile.gettempdir(), "hard-@TOKEN@"))
        must_fail("linked", os.link, "@DIRECTORY@/key.txt", os.environ["EGG_BUILD_DIR"] + "/hard-@TOKEN@")
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "reads a key through /proc",
        """
        for root in ("/proc/self/root", "/proc/1/root", f"/proc/{os.getppid()}/root", "/proc/self/cwd/.."):
            must_fail("read a key", lambda: open(root + "@DIRECTORY@/key.txt").read())
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack("deletes a tree", "import shutil; shutil.rmtree('@DIRECTORY@', ignore_errors=True)", PLACES, needs=NEEDS),
    *attack(
        "overwrites, truncates, renames",
        """
        for action in (
            lambda: open("@DIRECTORY@/key.txt", "w").write("mine"),
            lambda: os.truncate("@DIRECTORY@/key.txt", 0),
            lambda: os.rename("@DIRECTORY@/key.txt", "@DIRECTORY@/gone.txt"),
            lambda: os.chmod("@DIRECTORY@/key.txt", 0),
            lambda: os.utime("@DIRECTORY@/key.txt", (0, 0)),
            lambda: os.setxattr("@DIRECTORY@/key.txt", "user.mine", b"1"),
            lambda: os.mkfifo("@DIRECTORY@/pipe"),
            lambda: os.symlink("/etc", "@DIRECTORY@/etc"),
        ):
            with suppress(OSError):
                action()
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "holds the gate",
        """
        import fcntl
        with suppress(OSError):
            gate = open("@GATE@", "a")
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            breach("holds the gate")
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "leaves a file wherever it can",
        """
        for directory in ("/tmp", "/var/tmp", "/dev/shm", "/run", "/", ".", os.path.expanduser("~"), "@REPOSITORY@"):
            with suppress(OSError):
                open(os.path.join(directory, "left-@TOKEN@"), "w").close()
        """,
        PLACES,
        needs="namespaces landlock",
    ),
    *attack(
        "writes to the libraries",
        """
        import evaluator
        for package in (os, torch, evaluator):
            directory = os.path.dirname(package.__file__)
            must_fail("created", lambda: open(os.path.join(directory, "left_@TOKEN@.py"), "w").close())
            must_fail("opened for writing", lambda: open(package.__file__, "r+b").close())
            must_fail("pyc", lambda: open(os.path.join(directory, "__pycache__", "left_@TOKEN@.pyc"), "w").close())
        must_fail("opened for writing", lambda: open(sys.executable, "r+b").close())
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "the machine's own files",
        """
        for path in (
            "/dev/mem", "/dev/kmsg", "/dev/kmem", "/dev/port", "/dev/tty", "/dev/ptmx", "/dev/fuse", "/dev/kvm",
            "/proc/kcore", "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory",
            "/proc/sys/kernel/randomize_va_space", "/etc/passwd", "/etc/ld.so.preload", "/sys/kernel/uevent_helper",
        ):
            must_fail("opened " + path, lambda: os.close(os.open(path, os.O_RDWR)))
        must_fail("read shadow", lambda: open("/etc/shadow").read())
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "its own /proc, for writing",
        """
        for path in ("oom_score_adj", "mem", "clear_refs", "coredump_filter", "uid_map", "attr/current"):
            with suppress(OSError):
                os.close(os.open("/proc/self/" + path, os.O_RDWR))
        with suppress(OSError):
            open("/proc/self/oom_score_adj", "w").write("-1000")
        """,
        PLACES,
    ),
    *attack(
        "a file by its handle",
        """
        handle, mount = ctypes.create_string_buffer(struct.pack("Ii", 120, 0), 128), ctypes.c_int()
        directory = os.open("/usr", os.O_RDONLY)
        if syscall(303, -100, b"/usr", handle, ctypes.byref(mount), 0) == 0:
            must_fail("opened by handle", syscall, 304, directory, handle, os.O_RDONLY)
        """,
        PLACES,
        needs="seccomp",
    ),
    *attack(
        "reads a key while loading",
        "must_fail('key', lambda: open('@DIRECTORY@/key.txt').read())",
        (STATE,),
        needs=NEEDS,
    ),
    # What the build stage leaves behind is handled by trusted code and by other candidates.
    *attack(
        "odd build results",
        r"""
        results = os.environ["EGG_BUILD_DIR"]
        for action in (
            lambda: os.symlink("@DIRECTORY@/key.txt", results + "/link.so"),
            lambda: os.symlink("@DIRECTORY@", results + "/directory"),
            lambda: os.symlink("loop", results + "/loop"),
            lambda: os.mkfifo(results + "/pipe.so"),
            lambda: os.mkdir(results + "/locked", 0),
            lambda: open(results.encode() + b"/\xff\xfe\n\x1b[2J.so", "w").close(),
            lambda: os.makedirs(results + "/deep" * 200),
            lambda: os.mknod(results + "/null", 0o20666, os.makedev(1, 3)),
        ):
            with suppress(OSError):
                action()
        """,
        (IMPORT,),
        ANY,
    ),
    *attack(
        "deletes all build results",
        """
        import shutil
        for name in os.listdir(os.environ["EGG_BUILD_DIR"]):
            path = os.path.join(os.environ["EGG_BUILD_DIR"], name)
            with suppress(OSError):
                os.unlink(path)
            shutil.rmtree(path, ignore_errors=True)
        """,
        (IMPORT, FORWARD),
        ANY,
        needs=NEEDS,
    ),
    *attack(
        "replaces all build results",
        """
        for directory, _, names in os.walk(os.path.dirname(os.environ["EGG_BUILD_DIR"])):
            for name in names:
                with suppress(OSError):
                    open(os.path.join(directory, name), "wb").write(b"not a library")
        """,
        (IMPORT, FORWARD),
        ANY,
        needs=NEEDS,
    ),
    *attack(
        "takes the names of another's results",
        """
        for name in "@RESULTS@".split():
            with suppress(OSError):
                open(os.path.join(os.environ["EGG_BUILD_DIR"], name), "wb").write(b"not a library")
        """,
        (IMPORT, FORWARD),
        ANY,
        needs=NEEDS,
    ),
]
