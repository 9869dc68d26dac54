"""Memory of the device, and of the host, that is taken."""

from gpu.corpus import FAULT, MEMORY, refused
from gpu.tools import DRIVER

from egg_search.core.verdict import Outcome

_KILLED = MEMORY | FAULT
_PIECES = """
def allocate(size):
    '''Straight from the driver, which keeps it; how much was given.'''
    given, address = 0, ctypes.c_uint64()
    while given < size and CUDA.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(1 << 28)) == 0:
        given += 1 << 28
    return given
"""


def _hog(name, forward, *before, outcomes=MEMORY, **more):
    return refused(name, "norm_softmax", forward, *before, outcomes=outcomes, **more)


ENTRIES = [
    _hog("more than there is", "return torch.zeros(1 << 40, dtype=torch.uint8, device=x.device)"),
    _hog(
        "nine tenths of the device",
        """
        if self.kept is None:
            self.kept = torch.empty(int(0.9 * torch.cuda.mem_get_info()[1]), dtype=torch.uint8, device=x.device)
        return Model.forward(self, x)
        """,
        init="self.kept = None",
    ),
    _hog(
        "nine tenths of the device, piece by piece, for good",
        """
        while self.taken < 0.9 * torch.cuda.mem_get_info()[1]:
            self.kept.append(torch.zeros(1 << 30, dtype=torch.uint8, device=x.device))
            self.taken += 1 << 30
        return Model.forward(self, x)
        """,
        init="self.kept, self.taken = [], 0",
    ),
    _hog(
        "nine tenths of the device from the driver",
        """
        if not self.taken:
            self.taken = allocate(int(0.9 * torch.cuda.mem_get_info()[1]))
        return Model.forward(self, x)
        """,
        DRIVER,
        _PIECES,
        outcomes=_KILLED,
        init="self.taken = 0",
    ),
    _hog(
        "managed memory, moved to the device",
        """
        if not self.taken:
            self.taken, address = int(0.9 * torch.cuda.mem_get_info()[1]), ctypes.c_uint64()
            if CUDA.cuMemAllocManaged(ctypes.byref(address), ctypes.c_size_t(self.taken), ctypes.c_uint(1)) == 0:
                CUDA.cuMemsetD8_v2(address, ctypes.c_ubyte(1), ctypes.c_size_t(self.taken))
        return Model.forward(self, x)
        """,
        DRIVER,
        outcomes=_KILLED | {Outcome.TIMED_OUT},
        init="self.taken = 0",
    ),
    _hog(
        "nine tenths of the device while it is constructed",
        "return Model.forward(self, x)",
        init="self.kept = torch.zeros(int(0.9 * torch.cuda.mem_get_info()[1]), dtype=torch.uint8, device='cuda')",
        outcomes=MEMORY | {Outcome.LOAD_FAILED},
    ),
    _hog(
        "pinned memory of the host",
        """
        while True:
            self.kept.append(torch.empty(1 << 30, dtype=torch.uint8, pin_memory=True).fill_(1))
        """,
        outcomes=_KILLED | {Outcome.TIMED_OUT},
        init="self.kept = []",
    ),
    _hog(
        "an output of many gibibytes",
        "return torch.empty(1 << 34, dtype=torch.uint8, device=x.device).view(1 << 12, -1)",
        outcomes=MEMORY | {Outcome.WRONG_FORM},
    ),
]
