"""Words with the world outside."""

from containment.attack import FORWARD, IMPORT, attack

PLACES = (IMPORT, FORWARD)
NEEDS = "namespaces"
ATTACKS = [
    *attack(
        "TCP",
        "must_fail('connected', lambda: socket.create_connection(('127.0.0.1', @TCP@), 0.5).close())",
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "UDP",
        """
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(b"out", ("127.0.0.1", @UDP@))
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack("a name", "must_fail('resolved', socket.getaddrinfo, 'example.com', 80)", PLACES, needs=NEEDS),
    *attack(
        "a socket in a directory",
        """
        with suppress(OSError), socket.socket(socket.AF_UNIX) as out:
            out.connect("@UNIX@")
            breach("connected")
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "an abstract socket",
        r"""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as out:
            out.connect("\0@ABSTRACT@")
            breach("connected")
        """,
        PLACES,
        needs=NEEDS,
    ),
    *attack(
        "raw, packet and netlink sockets",
        """
        for family, kind in ((socket.AF_INET, 3), (socket.AF_PACKET, 3), (socket.AF_NETLINK, 3), (40, 1), (38, 5)):
            must_fail(f"a socket of family {family}", lambda: socket.socket(family, kind).close())
        """,
        needs="seccomp",
    ),
    *attack("a socket by system call", "must_fail('socket', syscall, 41, 2, 1, 0)", needs="seccomp"),
    *attack(
        "system calls of other tables",
        # A filter that forgets to look at the architecture takes 2, `fork` for a program of 32 bits, for `open`.
        r"""
        for child in (run_code(b"\xb8\x02\x00\x00\x00\xcd\x80\xc3"), syscall(0x40000000 + 57)):
            if child == 0: os._exit(0)
            if child > 0: breach("forked")
        """,
        needs="seccomp",
    ),
]
