"""Against the others on the machine: the baseline, the next candidate, the device itself. Nothing here could change a
device if it were let: what would need a privilege is only asked about."""

from gpu.corpus import SLEEP, free
from gpu.tools import DRIVER, SIDE

_OWN = "return Model.forward(self, x)"
# A process that uses the device for as long as it is let.
_BURNER = """
import subprocess, sys

BURN = '''
import time, torch
x = torch.randn(4096, 4096, device="cuda")
end = time.monotonic() + 20
while time.monotonic() < end:
    x @ x
    torch.cuda.synchronize()
'''
HOARD = '''
import time, torch
kept = torch.zeros(int(0.8 * torch.cuda.mem_get_info()[0]), dtype=torch.uint8, device="cuda")
time.sleep(20)
'''

def start(code):
    try:
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    except OSError:
        pass
"""
_BREACH = """
def breach(what):
    raise AssertionError("BREACH: " + what)
"""
_NVML = (
    _BREACH
    + """
import ctypes

def may_anyone_set_clocks():
    '''Asks only: whether the driver wants a privilege for it.'''
    nvml = ctypes.CDLL("libnvidia-ml.so.1")
    device, wanted = ctypes.c_void_p(), ctypes.c_int(1)
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)):
        return False
    asked = nvml.nvmlDeviceGetAPIRestriction(device, 0, ctypes.byref(wanted))
    return asked == 0 and wanted.value == 0
"""
)

ENTRIES = [
    free("a process burns the device from import on", "norm_softmax", _OWN, _BURNER, "start(BURN)"),
    free("a process holds most of the device's memory from import on", "norm_softmax", _OWN, _BURNER, "start(HOARD)"),
    free(
        "a process is started in a call to burn the device",
        "norm_softmax",
        """
        if not self.started:
            self.started = True
            start(BURN)
        return Model.forward(self, x)
        """,
        _BURNER,
        init="self.started = False",
    ),
    free(
        "a long queue is left behind for the baseline's turn",
        "norm_softmax",
        f"""
        y = Model.forward(self, x)
        def queue():
            with torch.cuda.stream(side()):
                for _ in range(100):
                    torch.cuda._sleep({SLEEP} // 30)
        threading.Timer(0.001, queue).start()
        return y
        """,
        SIDE,
        "import threading",
    ),
    free(
        "a thread keeps the device busy from time to time",
        "gated_chain",
        "return Model.forward(self, x, gate)",
        SIDE,
        """
        import threading, time

        def burn():
            while True:
                time.sleep(0.0005)
                if torch.cuda.is_initialized():
                    with torch.cuda.stream(side()):
                        torch.cuda._sleep(500_000)

        threading.Thread(target=burn, daemon=True).start()
        """,
    ),
    free(
        "the highest priority",
        "norm_softmax",
        """
        self.stream = self.stream or torch.cuda.Stream(priority=-100)
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            y = Model.forward(self, x)
        torch.cuda.current_stream().wait_stream(self.stream)
        return y
        """,
        init="self.stream = None",
    ),
    free(
        "nvidia-smi is called",
        "norm_softmax",
        """
        import subprocess
        try:
            subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=True)
        except (OSError, subprocess.SubprocessError):
            return Model.forward(self, x)
        breach("a program was started once inputs were seen")
        """,
        _BREACH,
    ),
    free(
        "the driver's management library is asked whether clocks may be set",
        "norm_softmax",
        """
        try:
            allowed = may_anyone_set_clocks()
        except OSError:
            allowed = False
        if allowed:
            breach("clocks may be set without a privilege")
        return Model.forward(self, x)
        """,
        _NVML,
    ),
    free(
        "fresh memory is searched for what others left there",
        "norm_softmax",
        _OWN,
        DRIVER,
        _BREACH,
        """
        class Fresh:
            '''Memory as the driver gives it, not torch.'''
            def __init__(self, size):
                address = ctypes.c_uint64()
                assert CUDA.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(size)) == 0, "no memory"
                fields = {"shape": (size,), "typestr": "|u1", "data": (address.value, False), "version": 3}
                self.__cuda_array_interface__ = fields
        """,
        init="""
        if torch.cuda.is_available():
            torch.cuda.init()
            torch.zeros(1, device="cuda")
            if torch.as_tensor(Fresh(1 << 30), device="cuda").any():
                breach("memory holds what others wrote")
        """,
    ),
    free(
        "other processes' memory is opened by guessed handles",
        "norm_softmax",
        """
        address = ctypes.c_uint64()
        handle = Handle.from_buffer_copy(os.urandom(64))
        if CUDA.cuIpcOpenMemHandle_v2(ctypes.byref(address), handle, ctypes.c_uint(1)) == 0:
            breach("memory of another process is open")
        return Model.forward(self, x)
        """,
        DRIVER,
        _BREACH,
        """
        import os

        class Handle(ctypes.Structure):
            _fields_ = [("bytes", ctypes.c_char * 64)]
        """,
    ),
    free(
        "descriptors of the verifier's memory are looked for",
        "norm_softmax",
        """
        for fd in range(3, 256):
            handle = ctypes.c_uint64()
            if CUDA.cuMemImportFromShareableHandle(ctypes.byref(handle), ctypes.c_void_p(fd), 1) == 0:
                breach(f"descriptor {fd} is memory that was not closed")
        return Model.forward(self, x)
        """,
        DRIVER,
        _BREACH,
    ),
    free(
        "torch's global state is changed",
        "linear_gelu",
        """
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("cpu")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.set_grad_enabled(True)
        torch.set_num_threads(1)
        torch.cuda.memory.set_per_process_memory_fraction(1.0)
        return Model.forward(self, x)
        """,
    ),
    free(
        "scheduling of the device is changed",
        "norm_softmax",
        """
        CUDA.cuCtxSetFlags(ctypes.c_uint(1))
        return Model.forward(self, x)
        """,
        DRIVER,
    ),
    free(
        "memory is taken call by call, and kept",
        "norm_softmax",
        "self.kept.append(torch.zeros(1 << 30, dtype=torch.uint8, device=x.device))\nreturn Model.forward(self, x)",
        init="self.kept = []",
    ),
]
