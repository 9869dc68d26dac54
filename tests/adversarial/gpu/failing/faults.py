"""Errors of the device, which stay with a process, and kernels that do not end."""

from gpu.corpus import FAULT, HANG, SLEEP, free, refused
from gpu.tools import CLOCK, DRIVER, SIDE, TRITON

_BEYOND = (
    TRITON
    + """
@triton.jit
def write(x, far, SHIFT: tl.constexpr):
    tl.store(x + (tl.program_id(0) * 4096 + (far.to(tl.int64) << SHIFT)), 1.0)
"""
)
_ENDLESS = (
    TRITON
    + """
@triton.jit
def endless(x):
    while tl.load(x, volatile=True) < float("inf"):
        pass
"""
)
_ASSERT = "torch.zeros(4, device=x.device)[torch.full((1,), 1 << 20, device=x.device)]"
_SYNC_ONE = CLOCK + "torch.cuda.synchronize = clock._WAIT = lambda *_: torch.cuda.current_stream().synchronize()"


def _sticky(name, forward, *before, **more):
    return refused(name, "norm_softmax", forward, *before, outcomes=FAULT, **more)


def _hang(name, forward, *before, **more):
    return refused(name, "norm_softmax", forward, *before, outcomes=HANG, **more)


ENTRIES = [
    _sticky("a device-side assertion", f"y = Model.forward(self, x)\n{_ASSERT}\nreturn y"),
    _sticky(
        "a device-side assertion on another stream",
        f"""
        y = Model.forward(self, x)
        with torch.cuda.stream(side()):
            {_ASSERT}
        return y
        """,
        SIDE,
    ),
    _sticky(
        "a device-side assertion in the untimed calls",
        f"""
        self.calls += 1
        if self.calls == 4:
            {_ASSERT}
        return Model.forward(self, x)
        """,
        init="self.calls = 0",
    ),
    _sticky(
        "a device-side assertion in a late call",
        f"""
        self.calls += 1
        y = Model.forward(self, x)
        if self.calls == 16:
            {_ASSERT}
        return y
        """,
        init="self.calls = 0",
    ),
    _sticky("writes far out of bounds", "y = Model.forward(self, x)\nwrite[(1,)](y, 16, 34)\nreturn y", _BEYOND),
    _sticky(
        "writes far out of bounds in a late call",
        """
        self.calls += 1
        y = Model.forward(self, x)
        write[(1,)](y, 0 if self.calls < 16 else 16, 34)
        y.copy_(Model.forward(self, x))
        return y
        """,
        _BEYOND,
        init="self.calls = 0",
    ),
    free(
        "writes just behind its inputs",
        "norm_softmax",
        "write[(1,)](x, x.numel(), 0)\nreturn Model.forward(self, x)",
        _BEYOND,
    ),
    free(
        "writes over everything near its inputs",
        "norm_softmax",
        "write[(4096,)](x, x.numel() + (1 << 20), 0)\nreturn Model.forward(self, x)",
        _BEYOND,
    ),
    _sticky(
        "a launch that cannot be",
        """
        y = Model.forward(self, x)
        CUDA.cuLaunchKernel(ctypes.c_void_p(64), 1, 1, 1, 1, 1, 1, 0, None, None, None)
        return y
        """,
        DRIVER,
    ),
    free(
        "its inputs are unmapped",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        CUDA.cuMemUnmap(ctypes.c_uint64(x.data_ptr() & -(1 << 21)), ctypes.c_size_t(1 << 24))
        return y
        """,
        DRIVER,
    ),
    free(
        "a capture is left open",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        if not GRAPHS:
            GRAPHS.append(torch.cuda.CUDAGraph())
            torch.cuda.set_stream(side())
            GRAPHS[0].capture_begin()
        return y
        """,
        SIDE,
        "GRAPHS = []",
    ),
    _hang("sleeps for a day", "torch.cuda._sleep(1 << 47)\nreturn Model.forward(self, x)"),
    _hang("never ends behind a right answer", "y = Model.forward(self, x)\ntorch.cuda._sleep(1 << 47)\nreturn y"),
    _hang(
        "never ends on another stream, and nobody waits for it",
        """
        y = Model.forward(self, x)
        with torch.cuda.stream(side()):
            torch.cuda._sleep(1 << 47)
        return y
        """,
        SIDE,
        _SYNC_ONE,
    ),
    _hang(
        "never ends in a late call",
        """
        self.calls += 1
        torch.cuda._sleep(1 << 47 if self.calls == 16 else 1)
        return Model.forward(self, x)
        """,
        init="self.calls = 0",
    ),
    free(
        "an endless loop over memory",
        "norm_softmax",
        """
        self.calls += 1
        if self.calls == 8:
            endless[(1024,)](torch.zeros(1, device=x.device))
        return Model.forward(self, x)
        """,
        _ENDLESS,
        init="self.calls = 0",
    ),
    _hang(
        "waits for what never comes",
        """
        flag = torch.zeros(1, dtype=torch.int32, device=x.device)
        place = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream), ctypes.c_uint64(flag.data_ptr())
        CUDA.cuStreamWaitValue32_v2(*place, ctypes.c_uint32(1), ctypes.c_uint(1))
        return Model.forward(self, x)
        """,
        DRIVER,
    ),
    _hang(
        "the host waits in a callback of the driver's",
        """
        CUDA.cuLaunchHostFunc(ctypes.c_void_p(torch.cuda.current_stream().cuda_stream), CALLBACK, None)
        return Model.forward(self, x)
        """,
        DRIVER,
        """
        import time
        CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: time.sleep(1e6))
        """,
    ),
    _hang(
        "a hundred streams that sleep for long",
        f"""
        for each in STREAMS or [STREAMS.append(torch.cuda.Stream()) or STREAMS[-1] for _ in range(100)]:
            with torch.cuda.stream(each):
                torch.cuda._sleep({SLEEP} * 1000)
        return Model.forward(self, x)
        """,
        "STREAMS = []",
    ),
]
