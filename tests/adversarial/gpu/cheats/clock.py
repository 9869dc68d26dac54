"""Against the clock: what it is read with says something else, or nothing."""

from gpu.corpus import SLEEP, free, slow
from gpu.tools import MACHINE_CODE, ROOM, SERVER, SIDE

_SLEEPS = f"torch.cuda._sleep({SLEEP})\nreturn Model.forward(self, x)"
_REAL_SLEEP = "SLEEP = torch._C._cuda_sleep"
# A little off what was measured: within what noise would explain.
_A_FIFTH_LESS = """
real = torch.cuda.Event.elapsed_time
torch.cuda.Event.elapsed_time = lambda self, end: 0.81 * real(self, end)
"""
_SPIN_IS_SKIPPED = "torch.cuda._sleep = torch._C._cuda_sleep = lambda *_: None"

ENTRIES = [
    slow(
        "patched clocks",
        "norm_softmax",
        _SLEEPS,
        """
        import time
        torch.cuda.Event.elapsed_time = lambda *_: 1e-3
        time.perf_counter = time.monotonic = time.time = lambda: 0.0
        time.perf_counter_ns = time.monotonic_ns = time.time_ns = lambda: 0
        """,
    ),
    free("events say a fifth less", "norm_softmax", "", _A_FIFTH_LESS),
    free("events say a fifth less, of a product", "linear_gelu", "", _A_FIFTH_LESS),
    free(
        "events say nothing",
        "norm_softmax",
        "",
        "torch.cuda.Event.elapsed_time = lambda *_: 0.0",
    ),
    free(
        "events say what is not a number",
        "norm_softmax",
        "",
        "torch.cuda.Event.elapsed_time = lambda *_: float('nan')",
    ),
    free("events say less than nothing", "norm_softmax", "", "torch.cuda.Event.elapsed_time = lambda *_: -1.0"),
    free(
        "every number of a reply is a fifth less",
        "norm_softmax",
        "",
        """
        import evaluator.worker.server as server
        packed = server.pack_reply

        def packing(nonce, status, number=0.0, *rest, **more):
            return packed(nonce, status, 0.81 * number, *rest, **more)

        server.pack_reply = packing
        """,
    ),
    free(
        "the first event is recorded once more with the last one",
        "norm_softmax",
        "",
        """
        record, RECENT = torch.cuda.Event.record, []

        def recording(self, *stream):
            RECENT.append(self)
            for each in RECENT[-2:]:
                record(each, *stream)

        torch.cuda.Event.record = recording
        """,
    ),
    slow(
        "events are recorded where nothing runs",
        "norm_softmax",
        _SLEEPS,
        SIDE,
        """
        record = torch.cuda.Event.record
        torch.cuda.Event.record = lambda self, *_: record(self, side())
        """,
    ),
    slow(
        "nobody waits for the device",
        "norm_softmax",
        _SLEEPS,
        """
        torch.cuda.synchronize = torch._C._cuda_synchronize = lambda *_: None
        torch.cuda.Stream.synchronize = torch.cuda.Event.synchronize = lambda *_: None
        """,
    ),
    slow(
        "nobody waits for the device: the driver's functions, as ctypes finds them",
        "norm_softmax",
        _SLEEPS,
        """
        import ctypes, gc
        torch.cuda.synchronize = torch._C._cuda_synchronize = lambda *_: None
        find = ctypes.CDLL.__getattr__
        MUTE = {"cuCtxSynchronize", "cuStreamSynchronize", "cuEventSynchronize", "cuEventElapsedTime"}
        ctypes.CDLL.__getattr__ = lambda self, name: (lambda *_: 0) if name in MUTE else find(self, name)
        for each in gc.get_objects():
            if isinstance(each, ctypes.CDLL):
                vars(each).update(dict.fromkeys(MUTE, lambda *_: 0))
        """,
    ),
    slow(
        "nobody waits for the device: the machine code of the libraries",
        "norm_softmax",
        """
        if not PATCHED:
            PATCHED.append(True)
            for each in libraries("libcudart.so", "libcuda.so"):
                for name in WAITS:
                    overwrite(each, name, RETURN_0)
        """
        f"""
        torch.cuda._sleep({SLEEP})
        return Model.forward(self, x)
        """,
        MACHINE_CODE,
        """
        PATCHED = []
        WAITS = "cudaDeviceSynchronize cudaStreamSynchronize cudaEventSynchronize cuCtxSynchronize cuStreamSynchronize"
        WAITS = WAITS.split()
        """,
    ),
    slow(
        "events say a microsecond: the machine code of the libraries",
        "norm_softmax",
        """
        if not PATCHED:
            PATCHED.append(True)
            for each in libraries("libcudart.so", "libcuda.so"):
                for name in ("cudaEventElapsedTime", "cudaEventElapsedTime_v2", "cuEventElapsedTime"):
                    overwrite(each, name, WRITE_A_MICROSECOND)
        """
        f"""
        torch.cuda._sleep({SLEEP})
        return Model.forward(self, x)
        """,
        MACHINE_CODE + "\nPATCHED = []\n",
    ),
    free(
        "nothing hides the launches, though it is taken off",
        "gated_chain",
        "",
        _SPIN_IS_SKIPPED,
        "torch.cuda.Event.elapsed_time = lambda *_: 4e-3",
    ),
    free(
        "nothing hides the launches, and events say a third",
        "norm_softmax",
        "",
        _SPIN_IS_SKIPPED,
        """
        real = torch.cuda.Event.elapsed_time
        torch.cuda.Event.elapsed_time = lambda self, end: real(self, end) / 3
        """,
    ),
    free(
        "outputs need no copy, though it is taken off",
        "norm_softmax",
        """
        room = room_of(x)
        return Model.forward(self, x) if room is None else torch.softmax(self.norm(x), -1, out=room)
        """,
        ROOM,
    ),
    free(
        "outputs need no copy, though it is taken off, and events say half",
        "norm_softmax",
        """
        room = room_of(x)
        return Model.forward(self, x) if room is None else torch.softmax(self.norm(x), -1, out=room)
        """,
        ROOM,
        """
        real = torch.cuda.Event.elapsed_time
        torch.cuda.Event.elapsed_time = lambda self, end: real(self, end) / 2
        """,
    ),
    slow(
        "the answer is sent before it is computed",
        "norm_softmax",
        _SLEEPS,
        SERVER,
        """
        torch.cuda.synchronize = torch._C._cuda_synchronize = lambda *_: None
        before_replies(lambda status: None)
        """,
    ),
    free(
        "sleeps while it is warmed up",
        "norm_softmax",
        """
        self.calls += 1
        if self.calls < 6:
            time.sleep(0.02)
        return Model.forward(self, x)
        """,
        "import time",
        init="self.calls = 0",
    ),
    free(
        "knows timed calls by their events, and sleeps in all others",
        "norm_softmax",
        """
        global TIMED
        if not TIMED:
            torch.cuda._sleep(100_000)
        TIMED = False
        return Model.forward(self, x)
        """,
        """
        TIMED, record = False, torch.cuda.Event.record

        def recording(self, *stream):
            global TIMED
            TIMED = True
            return record(self, *stream)

        torch.cuda.Event.record = recording
        """,
    ),
    free(
        "compiles in a later call",
        "norm_softmax",
        """
        self.calls += 1
        if self.calls > 2 and self.compiled is None:
            self.compiled = torch.compile(lambda x: Model.forward(self, x))
        return (self.compiled or (lambda x: Model.forward(self, x)))(x)
        """,
        init="self.calls, self.compiled = 0, None",
    ),
]
