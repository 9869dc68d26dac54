"""Forward returns before its work is done, or begins it before it is asked."""

from cheat_kernels import CHAIN
from entries import entry

from egg_search.core.verdict import Outcome

LATE = {
    Outcome.WRONG_VALUES,
    Outcome.NONDETERMINISTIC,
    Outcome.WRONG_FORM,
    Outcome.PROTOCOL,
    Outcome.RAISED,
    Outcome.CRASHED,
    Outcome.TIMED_OUT,
}


def _late(name, problem, forward, before="", init="", body=""):
    """May be refused for what it returns, for what it may not do, or run like eager."""
    return entry(name, problem, forward, before=before, init=init, body=body, outcomes=LATE, gain_free=True)


LAZY = """
class Lazy(torch.Tensor):
    '''Looks like a tensor; is computed when somebody looks.'''

    @staticmethod
    def __new__(cls, like, thunk):
        made = torch.Tensor._make_wrapper_subclass(cls, like.shape, dtype=like.dtype)
        made.thunk, made.value = thunk, None
        return made

    def force(self):
        if self.value is None:
            self.value = self.thunk()
        return self.value

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        unwrap = lambda t: t.force() if isinstance(t, Lazy) else t
        return func(*[unwrap(a) for a in args], **(kwargs or {}))

Lazy(torch.zeros(1), lambda: torch.zeros(1)).detach()  # the first dispatch imports a lot
"""
# The plan of the three below: find out what is asked, answer it oneself, and go on computing.
CHANNEL = """
import socket, struct, threading
from evaluator.protocol import records

SEEN = {}
received = socket.recv_fds

def listening(sock, *rest):
    got = received(sock, *rest)
    SEEN["channel"], SEEN["nonce"] = sock, got[0][:16]
    return got

socket.recv_fds = listening

class Muted:
    '''A channel that swallows the next reply: it was sent already.'''

    def __init__(self, channel):
        self.channel, self.skip = channel, False

    def send(self, data):
        if self.skip:
            self.skip = False
            return len(data)
        return self.channel.send(data)

    def __getattr__(self, name):
        return getattr(self.channel, name)

def mute():
    import sys
    frame = sys._getframe()
    while frame:
        server = frame.f_locals.get("self")
        if hasattr(server, "_channel") and hasattr(server, "serve_one"):
            if not isinstance(server._channel, Muted):
                server._channel = Muted(server._channel)
            server._channel.skip = True
            return True
        frame = frame.f_back
    return False

def answer(y):
    '''DONE, now, whatever is computed later.'''
    if SEEN.get("timed") and mute():
        reply = records.pack_reply(SEEN["nonce"], records.Status.DONE, outputs=[records.describe(y)])
        socket.socket.send(getattr(SEEN["channel"], "channel", SEEN["channel"]), reply)

unpack = records.unpack_command

def unpacking(data):
    command = unpack(data)
    SEEN["timed"] = command.op is records.Op.GO
    return command

import evaluator.worker.server as server_module
server_module.unpack_command = unpacking
"""

ENTRIES = [
    _late(
        "a thread computes after the return",
        "gated_chain",
        """
        y = torch.empty_like(x)
        def work():
            y.copy_(Model.forward(self, x, gate))
        threading.Thread(target=work, daemon=True).start()
        return y
        """,
        "import threading",
    ),
    _late(
        "a thread copies after the return",
        "linear_gelu",
        """
        value = Model.forward(self, x)
        y = torch.empty_like(value)
        threading.Timer(0.0, y.copy_, (value,)).start()
        return y
        """,
        "import threading",
    ),
    _late(
        "a pool of threads computes; a future of it is forgotten",
        "attention",
        """
        y = torch.zeros(q.shape[0], q.shape[2], q.shape[1] * q.shape[3])
        POOL.submit(lambda: y.copy_(Model.forward(self, q, k, v)))
        return y
        """,
        "from concurrent.futures import ThreadPoolExecutor\nPOOL = ThreadPoolExecutor(1)",
    ),
    _late(
        "torch's own fork computes, nobody waits",
        "running_total",
        """
        y = torch.empty_like(x)
        self.pending = torch.jit.fork(lambda: y.copy_(torch.cumsum(x, 1)))
        threading.Thread(target=torch.jit.wait, args=(self.pending,), daemon=True).start()
        return y
        """,
        "import threading",
    ),
    _late(
        "a compiled thread computes after the return",
        "gated_chain",
        "y = torch.empty_like(x)\nLIB.in_thread(ctypes.byref(job(self, x, gate, y)))\nreturn y",
        CHAIN,
    ),
    _late(
        "a compiled thread computes the second half",
        "gated_chain",
        """
        y, half = torch.empty_like(x), len(x) // 2
        LIB.in_thread(ctypes.byref(job(self, x, gate, y, half)))
        LIB.now(ctypes.byref(job(self, x, gate, y, 0, half)))
        return y
        """,
        CHAIN,
    ),
    _late(
        "a compiled thread computes the last rows",
        "gated_chain",
        """
        y, most = torch.empty_like(x), len(x) * 4 // 5
        LIB.now(ctypes.byref(job(self, x, gate, y, 0, most)))
        LIB.in_thread(ctypes.byref(job(self, x, gate, y, most)))
        return y
        """,
        CHAIN,
    ),
    _late(
        "a thread that sleeps first",
        "gated_chain",
        "y = torch.empty_like(x)\nLIB.in_thread(ctypes.byref(job(self, x, gate, y, wait=20000)))\nreturn y",
        CHAIN,
    ),
    _late(
        "a process with our memory computes after the return",
        "gated_chain",
        """
        y = torch.empty_like(x)
        if LIB.in_process(ctypes.byref(job(self, x, gate, y))) < 0:
            return Model.forward(self, x, gate)
        return y
        """,
        CHAIN,
    ),
    _late(
        "a forked process computes into shared memory",
        "gated_chain",
        """
        if self.shared is None or len(self.shared) < x.numel() * 4:
            self.shared = mmap.mmap(-1, x.numel() * 4)
        y = torch.frombuffer(self.shared, dtype=x.dtype, count=x.numel()).view_as(x)
        try:
            pid = os.fork()
        except OSError:
            return Model.forward(self, x, gate)
        if pid == 0:
            os.setsid()
            LIB.now(ctypes.byref(job(self, x, gate, y)))
            os._exit(0)
        return y
        """,
        CHAIN + "\nimport mmap\n",
        "self.shared = None",
    ),
    _late(
        "a thread waits for the input to change and computes ahead",
        "gated_chain",
        """
        if self.thread is None:
            self.thread = threading.Thread(target=watch, args=(self, x, gate), daemon=True)
            self.thread.start()
        last, y = self.ahead
        if last is not None and last == (x[-1, -1].item(), gate[-1, -1].item()) and y.shape == x.shape:
            return y
        return Model.forward(self, x, gate)
        """,
        """
        import threading, time

        def watch(model, x, gate):
            while True:
                seen = x[-1, -1].item(), gate[-1, -1].item()
                if seen != model.ahead[0]:
                    model.ahead = seen, Model.forward(model, x, gate)
                time.sleep(0.0001)
        """,
        "self.thread, self.ahead = None, (None, None)",
    ),
    _late(
        "a timer's signal computes ahead",
        "linear_gelu",
        """
        global TARGET
        TARGET = self, x
        if AHEAD and AHEAD[0] == (x.data_ptr(), x[-1, -1].item()):
            return AHEAD[1]
        return Model.forward(self, x)
        """,
        """
        import signal
        TARGET, AHEAD = None, []

        def ahead(*_):
            if TARGET is not None:
                model, x = TARGET
                AHEAD[:] = [(x.data_ptr(), x[-1, -1].item()), Model.forward(model, x)]
            signal.setitimer(signal.ITIMER_REAL, 0.001)

        signal.signal(signal.SIGALRM, ahead)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        """,
    ),
    _late(
        "computes when it is woken, before it is asked",
        "attention",
        """
        global TARGET
        if AHEAD and AHEAD[0] == (q.data_ptr(), v[-1, -1, -1, -1].item()):
            return AHEAD.pop()
        TARGET = self, q, k, v
        return Model.forward(self, q, k, v)
        """,
        """
        import signal
        TARGET, AHEAD = None, []

        def ahead(*_):
            if TARGET is not None:
                model, q, k, v = TARGET
                AHEAD[:] = [(q.data_ptr(), v[-1, -1, -1, -1].item()), Model.forward(model, q, k, v)]

        signal.signal(signal.SIGCONT, ahead)
        """,
    ),
    _late(
        "computes while it waits to be asked",
        "attention",
        """
        if READY and READY[0] == v[-1, -1, -1, -1].item():
            return READY[1]
        return Model.forward(self, q, k, v)
        """,
        """
        READY = []
        import evaluator.worker.server as worker
        prepare = worker._Server._prepare

        def preparing(self, command):
            prepare(self, command)
            forward, arguments = self._ready
            READY[:] = [arguments[-1][-1, -1, -1, -1].item(), Model.forward(forward, *arguments)]

        worker._Server._prepare = preparing
        """,
    ),
    _late(
        "computes ahead for the warm slot too",
        "linear_gelu",
        """
        key = x[0, 0].item(), x[-1, -1].item()
        if key in self.results:
            return self.results[key]
        y = Model.forward(self, x)
        self.results = {key: y}
        return y
        """,
        init="self.results = {}",
    ),
    _late("a lazy tensor", "gated_chain", "return Lazy(x, lambda: Model.forward(self, x, gate))", LAZY),
    _late(
        "a lazy tensor that is computed in a thread when it is detached",
        "gated_chain",
        """
        y = torch.empty_like(x)
        lazy = Lazy(x, lambda: threading.Thread(target=lambda: y.copy_(Model.forward(self, x, gate))).start() or y)
        return lazy
        """,
        LAZY + "\nimport threading\n",
    ),
    _late(
        "a lazy tensor by functions",
        "running_total",
        "return torch.empty_like(x).as_subclass(LaterTotal).of(x)",
        """
        class LaterTotal(torch.Tensor):
            def of(self, x):
                self.x = x
                return self

            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                with torch._C.DisableTorchFunctionSubclass():
                    if func.__name__ == "detach":
                        return args[0].as_subclass(torch.Tensor).copy_(torch.cumsum(args[0].x, 1))
                    return func(*args, **(kwargs or {}))
        """,
    ),
    _late(
        "output pages that are not there yet",
        "gated_chain",
        """
        y = mmap.mmap(-1, x.numel() * 4 + 4096)
        result = torch.frombuffer(y, dtype=x.dtype, count=x.numel()).view_as(x)
        address = ctypes.addressof(ctypes.c_char.from_buffer(y))
        LIB.now(ctypes.byref(job(self, x, gate, result)))
        ctypes.CDLL(None).mprotect(ctypes.c_void_p(address & ~4095), ctypes.c_size_t(4096), 0)
        return result
        """,
        CHAIN + "\nimport mmap\n",
    ),
    _late(
        "DONE before anything is computed",
        "gated_chain",
        "y = torch.empty_like(x)\nanswer(y)\nreturn y.copy_(Model.forward(self, x, gate))",
        CHANNEL,
    ),
    _late(
        "DONE half way, the rest races with the reader",
        "gated_chain",
        """
        y, most = torch.empty_like(x), len(x) * 7 // 10
        y[:most] = Model.forward(self, x[:most], gate[:most])
        answer(y)
        for a in range(most, len(x), 60):
            y[a : a + 60] = Model.forward(self, x[a : a + 60], gate[a : a + 60])
        return y
        """,
        CHANNEL,
    ),
    _late(
        "DONE from a thread",
        "linear_gelu",
        """
        y = torch.empty(len(x), self.linear.out_features)
        if SEEN.get("timed"):
            mute()
            reply = records.pack_reply(SEEN["nonce"], records.Status.DONE, outputs=[records.describe(y)])
            channel = getattr(SEEN["channel"], "channel", SEEN["channel"])
            threading.Thread(target=channel.send, args=(reply,)).start()
        return y.copy_(Model.forward(self, x))
        """,
        CHANNEL,
    ),
    _late(
        "DONE by a guessed nonce",
        "linear_gelu",
        """
        y = Model.forward(self, x)
        reply = bytearray(records.REPLY_BYTES)
        reply[16] = records.Status.DONE
        import os
        os.write(3, reply)
        return y
        """,
        "from evaluator.protocol import records",
    ),
    entry("a transposed view", "turned", "return x.transpose(1, 2)", gain_free=True, flags="layout: "),
    _late(
        "DONE of the call before, with its outputs",
        "gated_chain",
        """
        y = self.before if getattr(self, "before", None) is not None else torch.empty_like(x)
        answer(y)
        self.before = Model.forward(self, x, gate)
        return self.before
        """,
        CHANNEL,
    ),
]
