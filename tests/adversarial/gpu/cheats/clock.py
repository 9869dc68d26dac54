"""Against the clock: what it is read with says something else, or nothing."""

from gpu.corpus import SLEEP, free, slow
from gpu.tools import CLOCK, MACHINE_CODE, ROOM, SIDE

_SLEEPS = f"torch.cuda._sleep({SLEEP})\nreturn Model.forward(self, x)"
# A little off what was measured: within what noise would explain.
_A_FIFTH_LESS = """
real = clock._ELAPSED
torch.cuda.Event.elapsed_time = clock._ELAPSED = lambda start, end: 0.81 * real(start, end)
"""
_HALF = _A_FIFTH_LESS.replace("0.81", "0.5")
# Milliseconds: hardly more than the bytes of the arguments and outputs take.
_AS_A_COPY = "torch.cuda.Event.elapsed_time = clock._ELAPSED = lambda *_: 9.5e-3"
_SPIN_IS_SKIPPED = "torch.cuda._sleep = lambda *_: None"
_NO_WAIT = """
torch.cuda.synchronize = torch._C._cuda_synchronize = clock._WAIT = lambda *_: None
torch.cuda.Stream.synchronize = torch.cuda.Event.synchronize = lambda *_: None
"""

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
    free("events say a fifth less", "norm_softmax", "", CLOCK, _A_FIFTH_LESS),
    free("events say a fifth less, of a product", "linear_gelu", "", CLOCK, _A_FIFTH_LESS),
    free("events say nothing", "norm_softmax", "", CLOCK, "clock._ELAPSED = lambda *_: 0.0"),
    free("events say what is not a number", "norm_softmax", "", CLOCK, "clock._ELAPSED = lambda *_: float('nan')"),
    free("events say less than nothing", "norm_softmax", "", CLOCK, "clock._ELAPSED = lambda *_: -1.0"),
    free("events say as long as a copy takes", "norm_softmax", "", CLOCK, _AS_A_COPY),
    free(
        "events say as long as a copy takes, launches only", "gated_chain", "", CLOCK, _AS_A_COPY.replace("9.5", "1.5")
    ),
    free("events say half of a product", "linear_gelu", "", CLOCK, _HALF),
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
        "results lie further on in the memory for outputs each time, and come late",
        "norm_softmax",
        """
        WORK[:] = [lambda: Model.forward(self, x)]
        return x
        """,
        CLOCK,
        _AS_A_COPY,
        """
        from evaluator.worker.host import NoRoom

        WORK, USED = [], [0]

        def deliver(memory, tensors):
            if len(memory._room) < 4 << 30:
                raise NoRoom(4 << 30)
            clock._WAIT()
            result = WORK[0]()
            output = clock._describe(result, USED[0])
            USED[0] += result.numel() * 4
            fields = output.address, output.dtype, output.span, output.shape, output.strides
            clock.view(memory._room, *fields).copy_(result)
            clock._WAIT()
            return [output]

        clock.CudaMemory.deliver = deliver
        """,
    ),
    free(
        "the first event is recorded once more with the last one",
        "norm_softmax",
        "",
        CLOCK,
        """
        record, RECENT = clock._RECORD, []

        def recording(self, *stream):
            RECENT.append(self)
            for each in RECENT[-2:]:
                record(each, *stream)

        torch.cuda.Event.record = clock._RECORD = recording
        """,
    ),
    slow(
        "events are recorded where nothing runs",
        "norm_softmax",
        _SLEEPS,
        SIDE,
        CLOCK,
        """
        record = clock._RECORD
        torch.cuda.Event.record = clock._RECORD = lambda self, *_: record(self, side())
        """,
    ),
    slow(
        "nobody waits for the device",
        "norm_softmax",
        _SLEEPS,
        CLOCK,
        _NO_WAIT,
    ),
    free("nobody waits for a short call", "norm_softmax", "", CLOCK, _NO_WAIT, _SPIN_IS_SKIPPED, _AS_A_COPY),
    free("nobody waits for a product", "linear_gelu", "", CLOCK, _NO_WAIT, _SPIN_IS_SKIPPED, _AS_A_COPY),
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
        CLOCK,
        _SPIN_IS_SKIPPED,
        _AS_A_COPY.replace("9.5", "1.5"),
    ),
    free(
        "nothing hides the launches, and events say a third",
        "norm_softmax",
        "",
        CLOCK,
        _SPIN_IS_SKIPPED,
        _A_FIFTH_LESS.replace("0.81", "0.33"),
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
        CLOCK,
        _HALF,
        most=1.6,  # what is open (docs/integrity.md): by as much as the copy takes, which is taken off
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
        CLOCK,
        """
        TIMED, record = False, clock._RECORD

        def recording(self, *stream):
            global TIMED
            TIMED = True
            return record(self, *stream)

        clock._RECORD = recording
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
