"""Too much text, too many files."""

from containment.attack import FORWARD, HOG, IMPORT, INIT, REFUSAL, attack

from egg_search.core.verdict import Outcome

PLACES = (IMPORT, FORWARD)
ANY = REFUSAL | {Outcome.OK}
ATTACKS = [
    *attack("stdout", "for _ in range(64): sys.stdout.write('x' * (1 << 20) + '\\n')", PLACES),
    *attack("stderr", "for _ in range(64): os.write(2, b'error: ' * (1 << 17))", PLACES),
    *attack("stderr without end", "while True: os.write(2, b'error: ' * (1 << 17))", (IMPORT,), REFUSAL),
    *attack(
        "a huge file",
        """
        import tempfile
        with suppress(OSError), open(os.path.join(tempfile.gettempdir(), "huge-@TOKEN@"), "wb") as file:
            file.truncate(1 << 42)
            file.seek(1 << 41)
            file.write(b"x")
            breach("a file of terabytes")
        """,
        (IMPORT, INIT),
        REFUSAL | {Outcome.OK},
    ),
    *attack(
        "many files",
        """
        import tempfile
        with suppress(OSError):
            for number in range(5000):
                open(os.path.join(tempfile.gettempdir(), f"many-@TOKEN@-{number}"), "w").close()
        """,
        (IMPORT, INIT),
        ANY,
    ),
    *attack(
        "many files among the build results",
        """
        with suppress(OSError):
            for number in range(3000):
                open(os.path.join(os.environ["EGG_BUILD_DIR"], f"many-{number}"), "w").close()
        """,
        (IMPORT,),
        ANY,
    ),
    *attack(
        "many descriptors",
        """
        self.kept = []
        with suppress(OSError):
            while True: self.kept.append(os.open("/dev/null", os.O_RDONLY))
        """,
        outcomes=ANY,
    ),
    *attack(
        "much data among the build results",
        """
        written = 0
        with suppress(OSError):
            for number in range(24):
                with open(os.path.join(os.environ["EGG_BUILD_DIR"], f"much-{number}"), "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, 100 << 20)
                    written += 1
        if written == 24: breach("2.4 GB among the build results")
        """,
        (IMPORT,),
        ANY,
    ),
    *attack(
        "more files than a build has",
        """
        made = 0
        with suppress(OSError):
            for number in range(20_000):
                os.close(os.open(os.path.join(os.environ["EGG_BUILD_DIR"], f"more-{number}"), os.O_CREAT))
                made += 1
        if made == 20_000: breach("files without end")
        """,
        (IMPORT,),
        ANY,
        needs="namespaces",
    ),
    *attack(
        "files of nothing but holes among the build results",
        """
        for number in range(40):
            with open(os.path.join(os.environ["EGG_BUILD_DIR"], f"hole-{number}"), "wb") as file:
                file.truncate(200 << 20)
        """,
        (IMPORT,),
        HOG,
        needs="namespaces",
    ),
    *attack(
        "directories as deep as no path is long",
        """
        os.chdir(os.environ["EGG_BUILD_DIR"])
        for _ in range(30):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
        open("file.so", "w").close()
        """,
        (IMPORT,),
        ANY,
        needs="namespaces",
    ),
]
