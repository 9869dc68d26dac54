"""Texts that several candidates share: module-level code that goes before their ModelNew."""

# A stream of one's own. Made when it is first wanted: at import there may be no device.
SIDE = """
SIDE = None

def side():
    global SIDE
    SIDE = SIDE or torch.cuda.Stream()
    return SIDE
"""

# The driver, without torch.
DRIVER = """
import ctypes

CUDA = ctypes.CDLL("libcuda.so.1")

class Window(ctypes.Structure):
    '''CUstreamAttrValue with an access policy window.'''
    _fields_ = [
        ("base", ctypes.c_void_p),
        ("bytes", ctypes.c_size_t),
        ("ratio", ctypes.c_float),
        ("hit", ctypes.c_int),
        ("miss", ctypes.c_int),
        ("rest", ctypes.c_char * 36),
    ]

def reserve_l2(size):
    '''Of the cache, for lines that are to stay.'''
    CUDA.cuCtxSetLimit(6, ctypes.c_size_t(size))

def keep_in_l2(stream, tensor):
    '''What kernels of the stream touch of the tensor is to stay in the cache.'''
    window = Window(tensor.data_ptr(), min(tensor.nbytes, 1 << 25), 1.0, 2, 1)
    return CUDA.cuStreamSetAttribute(ctypes.c_void_p(stream.cuda_stream), 1, ctypes.byref(window))
"""

# Computes an answer on a stream of its own, ahead of the question: `AHEAD.run()` is for whatever wakes up first.
# Every time but the first it knows the place of the next arguments from the untimed calls before.
AHEAD = """
class Ahead:
    def __init__(self):
        self.stream = self.last = self.ready = None

    def run(self):
        if self.last is None or self.ready is not None:
            return
        model, arguments = self.last
        with torch.no_grad(), torch.cuda.stream(self.stream):
            made = Model.forward(model, *arguments)
        self.ready = arguments[0].data_ptr(), made

    def answer(self, model, *arguments):
        self.stream = self.stream or torch.cuda.Stream()
        self.last, ready, self.ready = (model, arguments), self.ready, None
        if ready is None or ready[0] != arguments[0].data_ptr():
            return Model.forward(model, *arguments)
        torch.cuda.current_stream().wait_stream(self.stream)
        return ready[1]

AHEAD = Ahead()
"""

# What the worker's own clock is made of, as it took it before any candidate was there.
CLOCK = """
import evaluator.worker.cuda as clock
"""

# Finds the memory for outputs that the verifier owns, from inside a forward.
ROOM = """
import sys

def room_of(like):
    '''A tensor like this one in the verifier's memory, where outputs are copied to anyway; None if it is not found.'''
    frame, size = sys._getframe(), like.numel() * like.element_size()
    while frame:
        memory = getattr(frame.f_locals.get("self"), "_memory", None)
        for value in vars(memory).values() if memory is not None else ():
            if isinstance(value, torch.Tensor) and value.is_cuda and value.dtype == torch.uint8 and len(value) >= size:
                return value[:size].view(like.dtype).view(like.shape)
        frame = frame.f_back
    return None
"""

# Runs something before a function of the worker's, whichever name it goes by there.
SERVER = """
import evaluator.worker.server as server

def before_replies(action):
    '''`action(status)` runs ahead of every reply.'''
    packed = server.pack_reply

    def packing(nonce, status, *rest, **more):
        action(status)
        return packed(nonce, status, *rest, **more)

    server.pack_reply = packing
"""

# Code of a shared library, changed in memory.
MACHINE_CODE = """
import ctypes, mmap, os, re

LIBC = ctypes.CDLL(None, use_errno=True)
RETURN_0 = b"\\x31\\xc0\\xc3"
WRITE_A_MICROSECOND = b"\\xc7\\x07\\x6f\\x12\\x83\\x3a" + RETURN_0  # 0.001f to *first

def libraries(*names):
    '''Those of the process whose file names begin so.'''
    paths = {line.split()[-1] for line in open("/proc/self/maps") if "/" in line}
    return [ctypes.CDLL(each) for each in sorted(paths) if os.path.basename(each).startswith(names)]

def overwrite(library, name, code):
    '''The beginning of a function.'''
    function = getattr(library, name, None)
    if function is None:
        return
    address = ctypes.cast(function, ctypes.c_void_p).value
    page = address & -mmap.PAGESIZE
    if LIBC.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(2 * mmap.PAGESIZE), 7) == 0:
        ctypes.memmove(address, code, len(code))
"""

TRITON = """
import triton
import triton.language as tl
"""

ROWS = (
    TRITON
    + """
@triton.jit
def normalised_softmax(x, w, b, y, n, eps, BLOCK: tl.constexpr):
    row, columns = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    mask = columns < n
    value = tl.load(x + row * n + columns, mask=mask, other=0.0)
    centred = tl.where(mask, value - tl.sum(value, 0) / n, 0.0)
    value = centred / tl.sqrt(tl.sum(centred * centred, 0) / n + eps)
    value = value * tl.load(w + columns, mask=mask, other=0.0) + tl.load(b + columns, mask=mask, other=0.0)
    value = tl.where(mask, value, float("-inf"))
    raised = tl.exp(value - tl.max(value, 0))
    tl.store(y + row * n + columns, raised / tl.sum(raised, 0), mask=mask)

def launch_rows(model, x, y, rows):
    n, norm = x.shape[-1], model.norm
    block = triton.next_power_of_2(n)
    normalised_softmax[(rows,)](x, norm.weight, norm.bias, y, n, norm.eps, BLOCK=block)
    return y
"""
)

# Sums in shared memory of blocks, one addition a block to the result.
SUMS = (
    TRITON
    + """
@triton.jit
def weighted_sum(x, t, w, y, size, n, share, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = at < size
    difference = tl.load(x + at, mask=mask, other=0.0) - tl.load(t + at, mask=mask, other=0.0)
    value = difference * difference * tl.load(w + at % n, mask=mask, other=0.0)
    tl.atomic_add(y, tl.sum(value, 0) * share)
"""
)
