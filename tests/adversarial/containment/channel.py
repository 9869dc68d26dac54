"""The descriptors that a worker has, and what it could say over them."""

from containment.attack import FORWARD, IMPORT, INIT, REFUSAL, attack

from egg_search.core.verdict import Outcome

PLACES = (IMPORT, INIT, FORWARD)
ANY = REFUSAL | {Outcome.OK}
CHANNEL = """
def the_channel():
    for number in range(64):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{number}").startswith("socket:"): return socket.socket(fileno=os.dup(number))
    return socket.socket(fileno=os.dup(3))
channel = the_channel()
"""
ATTACKS = [
    *attack("closes every descriptor", "os.closerange(0, 4096)", PLACES, REFUSAL),
    *attack(
        "puts another file in its place",
        "null = os.open('/dev/null', 2)\nfor n in range(3, 20): os.dup2(null, n)",
        PLACES,
        REFUSAL,
    ),
    *attack("puts a pipe in its place", "for n in range(3, 10): os.dup2(os.pipe()[1], n)", PLACES, REFUSAL),
    *attack("shuts it down", CHANNEL + "channel.shutdown(2)", PLACES, REFUSAL),
    *attack("closes one direction", CHANNEL + "channel.shutdown(1)", PLACES, REFUSAL),
    *attack("speaks out of turn", CHANNEL + "channel.send(b'PASS')", PLACES, REFUSAL),
    *attack("an empty message", CHANNEL + "channel.send(b'')", PLACES, REFUSAL),
    *attack("a long message", CHANNEL + "channel.send(bytes(100_000))", PLACES, REFUSAL),
    *attack(
        "many messages",
        CHANNEL + "channel.setblocking(False)\nwith suppress(OSError):\n    while True: channel.send(bytes(8192))",
        PLACES,
        REFUSAL,
    ),
    *attack(
        "sends descriptors",
        CHANNEL + "socket.send_fds(channel, [bytes(64)], [os.open('/dev/null', 0) for _ in range(50)])",
        PLACES,
        REFUSAL,
    ),
    *attack(
        "descriptors and then the truth",
        # the verifier must not collect descriptors that come along with what it reads
        CHANNEL + "socket.send_fds(channel, [bytes(5000)], [channel.fileno()] * 200)",
        PLACES,
        REFUSAL,
    ),
    *attack(
        "a thread that speaks between the calls",
        CHANNEL
        + """
        def speak():
            while True:
                channel.send(bytes(4000))
                time.sleep(0.001)
        threading.Thread(target=speak, daemon=True).start()
        """.replace("\n        ", "\n"),
        (INIT, FORWARD),
        REFUSAL,
    ),
    *attack(
        "listens for the verifier's words in a thread",
        CHANNEL
        + """
        def listen():
            while True: channel.recv(100)
        threading.Thread(target=listen, daemon=True).start()
        """.replace("\n        ", "\n"),
        (INIT, FORWARD),
        ANY,
    ),
    *attack(
        "no more messages fit",
        CHANNEL + "channel.setsockopt(1, 8, 1); channel.setsockopt(1, 7, 1)",
        (INIT, FORWARD),
        ANY,
    ),
    *attack("an exit while the output is read", "threading.Timer(0.0, os._exit, (0,)).start()", outcomes=ANY),
    *attack(
        "an output that is unmapped before it is read",
        """
        import mmap
        y, page = Model.forward(self, x), mmap.mmap(-1, 1 << 22)
        LIBC.munmap(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(page))), ctypes.c_size_t(1 << 22))
        return torch.frombuffer(page, dtype=torch.float32, count=y.numel()).view_as(y)
        """,
        outcomes=REFUSAL,
    ),
    *attack(
        "shrinks the inputs", "for n in range(3, 64):\n    with suppress(OSError): os.ftruncate(n, 0)", outcomes=ANY
    ),
    *attack(
        "grows the inputs", "for n in range(3, 64):\n    with suppress(OSError): os.ftruncate(n, 1 << 40)", outcomes=ANY
    ),
    *attack(
        "shrinks the inputs through /proc",
        """
        for name in os.listdir("/proc/self/map_files") if os.path.isdir("/proc/self/map_files") else ():
            with suppress(OSError):
                if "memfd" in os.readlink("/proc/self/map_files/" + name):
                    os.truncate("/proc/self/map_files/" + name, 0)
        """,
        outcomes=ANY,
    ),
]
