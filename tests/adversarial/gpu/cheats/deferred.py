"""An answer that is computed when it is fetched: under cover of a copy that is taken off."""

from gpu.corpus import SLEEP, free, slow
from gpu.tools import CLOCK, DRIVER

_LAZY = """
class Lazy(torch.Tensor):
    '''Looks like a tensor; is computed when somebody looks.'''

    @staticmethod
    def __new__(cls, like, compute):
        made = torch.Tensor._make_wrapper_subclass(cls, like.shape, dtype=like.dtype, device=like.device)
        made.compute, made.value = compute, None
        return made

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.detach.default:
            return args[0]
        if func is torch.ops.aten.copy_.default and isinstance(args[1], Lazy):
            args[1].compute(args[0])
            return args[0]
        return func(*[each.forced() if isinstance(each, Lazy) else each for each in args], **(kwargs or {}))

    def forced(self):
        if self.value is None:
            self.value = torch.empty(self.shape, dtype=self.dtype, device=self.device)
            self.compute(self.value)
        return self.value
"""
_INTO = "lambda y: torch.softmax(self.norm(x), -1, out=y)"
# An empty tensor in the right form, and what is to be written when it is copied.
_PENDING = """
PENDING = {}

def pending(like, compute):
    made = torch.empty_like(like)
    PENDING.clear()
    PENDING[made.data_ptr()] = compute
    return made
"""

ENTRIES = [
    free("a lazy tensor, computed where it is copied to", "norm_softmax", f"return Lazy(x, {_INTO})", _LAZY),
    free(
        "a lazy tensor, and events that say as long as a copy takes",
        "norm_softmax",
        f"return Lazy(x, {_INTO})",
        _LAZY,
        CLOCK,
        "torch.cuda.Event.elapsed_time = clock._ELAPSED = lambda *_: 9.5e-3",
    ),
    slow(
        "a lazy tensor that sleeps first",
        "norm_softmax",
        f"return Lazy(x, lambda y: (torch.cuda._sleep({SLEEP}), torch.softmax(self.norm(x), -1, out=y)))",
        _LAZY,
    ),
    free(
        "a lazy tensor of a product",
        "linear_gelu",
        "return Lazy(x, lambda y: y.copy_(Model.forward(self, x)))",
        _LAZY,
    ),
    free(
        "copying computes",
        "norm_softmax",
        f"return pending(x, {_INTO})",
        _PENDING,
        """
        copy = torch.Tensor.copy_

        def copying(self, source, *rest):
            compute = PENDING.pop(source.data_ptr(), None) if source.is_cuda else None
            if compute is None:
                return copy(self, source, *rest)
            compute(self)
            return self

        torch.Tensor.copy_ = copying
        """,
    ),
    free(
        "copying computes, in torch's dispatcher",
        "norm_softmax",
        f"""
        if not LIBRARY:
            LIBRARY.append(torch.library.Library("aten", "IMPL"))
            LIBRARY[0].impl("copy_", copying, "CUDA")
        return pending(x, {_INTO})
        """,
        DRIVER,
        _PENDING,
        """
        LIBRARY = []

        def copying(target, source, non_blocking=False):
            if not isinstance(source, torch.Tensor):
                return target.fill_(source)
            compute = PENDING.pop(source.data_ptr(), None)
            if compute is not None:
                compute(target)
            else:
                torch.cuda.current_stream().synchronize()
                places = ctypes.c_uint64(target.data_ptr()), ctypes.c_uint64(source.data_ptr())
                assert CUDA.cuMemcpy(*places, ctypes.c_size_t(source.nbytes)) == 0
            return target
        """,
    ),
    free(
        "detaching computes",
        "norm_softmax",
        f"return pending(x, {_INTO})",
        _PENDING,
        """
        detach = torch.Tensor.detach

        def detaching(self):
            compute = PENDING.pop(self.data_ptr(), None) if self.is_cuda else None
            if compute is not None:
                compute(self)
            return detach(self)

        torch.Tensor.detach = detaching
        """,
    ),
    free(
        "waiting computes",
        "norm_softmax",
        f"return pending(x, {_INTO})",
        _PENDING,
        CLOCK,
        """
        wait = clock._WAIT

        def waiting(*device):
            for address, compute in list(PENDING.items()):
                class Memory:
                    __cuda_array_interface__ = {
                        "shape": (rows, features), "typestr": "<f4", "data": (address, False), "version": 3
                    }
                compute(torch.as_tensor(Memory(), device="cuda"))
            PENDING.clear()
            wait(*device)

        torch.cuda.synchronize = clock._WAIT = waiting
        """,
    ),
]
