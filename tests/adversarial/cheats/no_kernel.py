"""No kernel behind what looks like one: no value is wrong, so it is accepted, with a flag and without a gain."""

from entries import entry

DEAD = '''
import ctypes

LIB = ctypes.CDLL(None)


def fast_path(x):
    """Not called."""
    return LIB.norm_softmax(ctypes.c_void_p(x.data_ptr()))
'''


def _accepted(name, problem, forward="", before="", flags="", init="", body=""):
    return entry(name, problem, forward, before=before, init=init, body=body, gain_free=True, flags=flags)


ENTRIES = [
    _accepted(
        "a dead kernel beside a library call", "norm_softmax", "return Model.forward(self, x)", DEAD, "dead.kernel"
    ),
    _accepted(
        "a kernel behind a condition that never holds",
        "norm_softmax",
        "return fast_path(x) if x.numel() < 0 else Model.forward(self, x)",
        DEAD,
    ),
    _accepted(
        "a kernel that fails, and a fall-back",
        "linear_gelu",
        """
        try:
            return torch.from_numpy(LIB.linear_gelu(x.data_ptr()))
        except (AttributeError, TypeError):
            return Model.forward(self, x)
        """,
        "import ctypes\nLIB = ctypes.CDLL(None)",
        "try/except|fall-back",
    ),
    _accepted(
        "code in base64",
        "linear_gelu",
        "return hidden(self, x)",
        """
        import base64
        exec(base64.b64decode("ZGVmIGhpZGRlbihtLCB4KToKICAgIHJldHVybiBNb2RlbC5mb3J3YXJkKG0sIHgpCg=="))
        """,
        "run.time",
    ),
    _accepted("aliased import", "running_total", before="import socket as numpy_utils", flags="import"),
    _accepted("import by name", "running_total", before="VICTIM = __import__('so' + 'cket')", flags="run.time|import"),
    _accepted("only the library", "conv_block", "return torch.relu(self.bn(self.conv(x)))", flags="no kernel"),
    _accepted(
        "the library under another name",
        "running_total",
        "return total(x, 1)",
        "total = torch.Tensor.cumsum",
        "no kernel",
    ),
]
