"""Forged results: records, tensors and exceptions that are not what they say."""

from entries import entry

from egg_search.core.verdict import Outcome

FORM = {Outcome.WRONG_FORM, Outcome.WRONG_VALUES, Outcome.PROTOCOL, Outcome.RAISED}
BROKEN = {*FORM, Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY, Outcome.NONDETERMINISTIC}


def _refused(name, problem, forward, before="", outcomes=BROKEN, reason=""):
    return entry(name, problem, forward, before=before, outcomes=outcomes, reason=reason)


def _free(name, problem, forward, before="", outcomes=BROKEN):
    return entry(name, problem, forward, before=before, outcomes=outcomes, gain_free=True)


# A subclass whose Python side may say anything of itself.
LIAR = """
class Liar(torch.Tensor):
    said = {{}}

    def detach(self):
        return self

    def resolve_neg(self):
        return self

    {claims}
"""
WRITE = """
import os
from evaluator.protocol import records
"""


def _liar(name, claims, forward="return Model.forward(self, x, gate).as_subclass(Liar)"):
    text = "\n\n    ".join(f"{decorator}\n    def {head}:\n        return {value}" for decorator, head, value in claims)
    return _free(name, "gated_chain", forward, LIAR.format(claims=text))


PROPERTY, METHOD = "@property", "# claimed"
ENTRIES = [
    _liar("says an address out of range", [(METHOD, "data_ptr(self)", "16")]),
    _liar("says the last address", [(METHOD, "data_ptr(self)", "(1 << 64) - 8")]),
    _liar("says a negative address", [(METHOD, "data_ptr(self)", "-4096")]),
    _liar("says an address that is no number", [(METHOD, "data_ptr(self)", "'PASS'")]),
    _refused(
        "says the address of its input",
        "gated_chain",
        "global WHERE\nWHERE = x.data_ptr()\nreturn torch.empty(x.shape).as_subclass(Liar)",
        LIAR.format(claims="def data_ptr(self):\n        return WHERE"),
    ),
    _liar("says negative strides", [(METHOD, "stride(self)", "(-1000, 1)")]),
    _liar("says huge strides", [(METHOD, "stride(self)", "(1 << 40, 1)")]),
    _liar("says strides of zero", [(METHOD, "stride(self)", "(0, 0)")]),
    _liar("says too few strides", [(METHOD, "stride(self)", "(1,)")]),
    _liar("says a huge shape", [(PROPERTY, "shape(self)", "(1 << 33, 8)"), (METHOD, "dim(self)", "2")]),
    _refused(
        "has more buffers, and ever more",
        "batch_norm_training",
        "return Model.forward(self, x)",
        before="""
            from evaluator.worker import models

            class More:
                def __getitem__(self, key):
                    return [torch.zeros(20)] * 16

            models.Models.buffers = lambda self, number: More()
        """,
    ),
    _refused(
        "all of its memory, as each of sixteen outputs",
        "margin_loss",
        "return [torch.empty(700 << 20, dtype=torch.uint8)] * 16",
        reason="more than the worker's memory",
    ),
    _liar("says a shape that overflows", [(PROPERTY, "shape(self)", "(1 << 62, 1 << 62)")]),
    _liar("says a negative shape", [(PROPERTY, "shape(self)", "(-1, -1200000)")]),
    _liar("says another dtype", [(PROPERTY, "dtype(self)", "torch.float64")]),
    _refused(
        "has the right shape and no memory for it",
        "gated_chain",
        "return torch.zeros(8).as_subclass(Liar)",
        LIAR.format(
            claims="@property\n    def shape(self):\n        return (rows, columns)\n\n"
            "    def stride(self):\n        return (columns, 1)\n\n"
            "    def dim(self):\n        return 2\n\n"
            "    def numel(self):\n        return rows * columns"
        ),
    ),
    _refused(
        "half precision that says it is single",
        "gated_chain",
        "return Model.forward(self, x, gate).half().as_subclass(Liar)",
        LIAR.format(claims="@property\n    def dtype(self):\n        return torch.float32"),
    ),
    _refused(
        "a record of 200 GiB",
        "gated_chain",
        "return Model.forward(self, x, gate)",
        """
        from evaluator.protocol import records
        from evaluator.worker import host
        host.describe = lambda t: records.Output(t.dtype, t.data_ptr(), (1 << 20, 48 << 10), (48 << 10, 1))
        """,
    ),
    _refused(
        "a record of too many outputs",
        "running_total",
        "return torch.cumsum(x, 1)",
        """
        from evaluator.worker import server
        pack = server.pack_reply

        def packed(nonce, status, *rest, **more):
            if more.get("outputs"):
                more["outputs"] = list(more["outputs"]) * 17
            return pack(nonce, status, *rest, **more)

        server.pack_reply = packed
        """,
    ),
    _refused("thousands of tensors", "running_total", "return [torch.cumsum(x, 1)] * 5000"),
    _refused("thousands of new tensors", "running_total", "return list(torch.cumsum(x, 1).unbind(0)) * 40"),
    _refused("a list in itself", "running_total", "y = [torch.cumsum(x, 1)]\ny.append(y)\nreturn y"),
    _refused(
        "lists a thousand deep",
        "running_total",
        """
        y = torch.cumsum(x, 1)
        for _ in range(3000):
            y = [y, y]
        return y
    """,
    ),
    _refused("a huge output", "norm_softmax", "return x.new_empty(1 << 26)"),
    _refused("a huge view of one element", "norm_softmax", "return x.new_zeros(1).expand(1 << 40)"),
    _refused("the right shape, one element", "norm_softmax", "return x.new_full((1,), 1 / x.shape[1]).expand(x.shape)"),
    _refused(
        "overlapping rows",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        return y.as_strided(y.shape, (1, 1))
    """,
    ),
    _refused(
        "memory behind the end",
        "gated_chain",
        """
        y = Model.forward(self, x, gate)
        return torch.from_file("/dev/null", size=0) if x.numel() < 0 else y.as_strided(y.shape, y.stride(), 0)[1:]
    """,
        outcomes={Outcome.WRONG_FORM},
        reason="shape",
    ),
    _refused("transposed", "linear_gelu", "return Model.forward(self, x).t()", outcomes=FORM, reason="shape"),
    _free("transposed twice", "linear_gelu", "return Model.forward(self, x).t().contiguous().t()", outcomes=set()),
    _free("a view with its sign turned", "linear_gelu", "return torch._neg_view(-Model.forward(self, x))"),
    _free("that needs a gradient", "linear_gelu", "return Model.forward(self, x).requires_grad_()"),
    _free("a parameter as output", "linear_gelu", "return nn.Parameter(Model.forward(self, x))"),
    _refused(
        "indices of 32 bits",
        "nearest_code",
        "return Model.forward(self, x, codes).int()",
        outcomes=FORM,
        reason="int32",
    ),
    _refused("indices as numbers", "nearest_code", "return Model.forward(self, x, codes).float()", outcomes=FORM),
    _refused(
        "a loss in double", "margin_loss", "return Model.forward(self, x, centers, labels).double()", outcomes=FORM
    ),
    _refused(
        "a loss in one dimension", "margin_loss", "return Model.forward(self, x, centers, labels)[None]", outcomes=FORM
    ),
    _refused(
        "a loss as a number", "margin_loss", "return Model.forward(self, x, centers, labels).item()", outcomes=FORM
    ),
    _refused("an array of NumPy", "linear_gelu", "return Model.forward(self, x).numpy()", outcomes=FORM),
    _refused("a meta tensor", "linear_gelu", "return Model.forward(self, x).to('meta')", outcomes=FORM),
    _refused("a sparse tensor", "linear_gelu", "return Model.forward(self, x).to_sparse_csr()", outcomes=FORM),
    _refused(
        "a complex tensor",
        "linear_gelu",
        "return torch.complex(Model.forward(self, x), x.new_zeros(()))",
        outcomes=FORM,
    ),
    _refused(
        "a quantised tensor",
        "linear_gelu",
        """
        return torch.quantize_per_tensor(Model.forward(self, x), 0.01, 0, torch.qint8)
    """,
        outcomes=FORM,
    ),
    _refused(
        "freed memory",
        "linear_gelu",
        """
        y = Model.forward(self, x)
        y.untyped_storage().resize_(0)
        return y
    """,
    ),
    _refused("NaN", "margin_loss", "return torch.tensor(float('nan'))", outcomes={Outcome.WRONG_VALUES}),
    _refused("infinity", "running_total", "return torch.full_like(x, float('inf'))", outcomes={Outcome.WRONG_VALUES}),
    _refused(
        "an object that reduces to a command",
        "linear_gelu",
        "return Hostile()",
        """
        import os

        class Hostile:
            def __reduce__(self):
                return os._exit, (0,)
    """,
        outcomes=FORM,
    ),
    _refused(
        "an object that is every class",
        "linear_gelu",
        "return Hostile()",
        """
        class Hostile:
            @property
            def __class__(self):
                return torch.Tensor

            def __getattr__(self, name):
                return lambda *_, **__: self
    """,
    ),
    _refused(
        "its result in a dictionary",
        "linear_gelu",
        "return {'PASS': Model.forward(self, x)}",
        outcomes={Outcome.WRONG_FORM},
    ),
    _refused("its result in a list", "linear_gelu", "return [Model.forward(self, x)]", outcomes={Outcome.WRONG_FORM}),
    _refused(
        "PASS and out",
        "norm_softmax",
        """
        print("PASS", "correctness: True", "speedup: 9.99x", sep="\\n", flush=True)
        os._exit(0)
    """,
        "import os",
        {Outcome.CRASHED},
        "status 0",
    ),
    _refused("leaves", "norm_softmax", "sys.exit(0)", "import sys", {Outcome.RAISED}, "SystemExit"),
    _refused("interrupts", "norm_softmax", "raise KeyboardInterrupt", "", {Outcome.RAISED}, "KeyboardInterrupt"),
    _refused("is a generator's end", "norm_softmax", "raise StopIteration(x)", "", {Outcome.RAISED}, "StopIteration"),
    _refused(
        "garbage to all descriptors",
        "norm_softmax",
        """
        for fd in range(64):
            try:
                os.write(fd, os.urandom(200))
            except OSError:
                pass
        return Model.forward(self, x)
    """,
        "import os",
        {Outcome.PROTOCOL, Outcome.CRASHED},
    ),
    _refused(
        "a record of no command",
        "norm_softmax",
        """
        os.write(3, records.pack_reply(bytes(16), records.Status.DONE))
        return Model.forward(self, x)
    """,
        WRITE,
        {Outcome.PROTOCOL},
        "another command",
    ),
    _refused(
        "a record too long",
        "norm_softmax",
        """
        os.write(3, records.pack_reply(bytes(16), records.Status.DONE) + b"PASS")
        return Model.forward(self, x)
    """,
        WRITE,
        {Outcome.PROTOCOL},
        "bytes",
    ),
    _refused(
        "records without end",
        "norm_softmax",
        """
        while True:
            os.write(3, records.pack_reply(bytes(16), records.Status.READY))
    """,
        WRITE,
        {Outcome.PROTOCOL, Outcome.TIMED_OUT},
    ),
    _refused(
        "descriptors with the channel",
        "norm_softmax",
        """
        try:
            channel = socket.socket(fileno=os.dup(3))
            socket.send_fds(channel, [bytes(100)], list(range(3)) * 20)
        except OSError:
            pass
        return Model.forward(self, x)
    """,
        "import os, socket",
        {Outcome.PROTOCOL, Outcome.CRASHED},
    ),
    _refused(
        "another channel",
        "norm_softmax",
        """
        ours, theirs = os.pipe()
        os.dup2(theirs, 3)
        return Model.forward(self, x)
    """,
        "import os",
        {Outcome.PROTOCOL, Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.RAISED},
    ),
    _refused(
        "the channel is closed for writing",
        "norm_softmax",
        """
        socket.socket(fileno=os.dup(3)).shutdown(socket.SHUT_WR)
        return Model.forward(self, x)
    """,
        "import os, socket",
        {Outcome.PROTOCOL, Outcome.CRASHED, Outcome.TIMED_OUT},
    ),
    _refused(
        "an exception whose text raises",
        "norm_softmax",
        "raise Hostile",
        """
        class Hostile(Exception):
            def __str__(self):
                raise SystemExit(0)
            __repr__ = __str__
    """,
        {Outcome.RAISED},
        "Hostile",
    ),
    _refused(
        "an exception whose text is no text",
        "norm_softmax",
        "raise Hostile",
        """
        class Hostile(Exception):
            def __str__(self):
                return 7
    """,
        {Outcome.RAISED},
        "Hostile",
    ),
    _refused(
        "an exception with control characters",
        "norm_softmax",
        """
        raise ValueError("\\x1b[2J\\x1b[1;32mok\\x1b[0m\\r\\n\\x07verdict: ok\\u202e\\x9b31m")
    """,
        "",
        {Outcome.RAISED},
        "verdict",
    ),
    _refused(
        "an exception of many megabytes", "norm_softmax", "raise ValueError('ok ' * (1 << 24))", "", {Outcome.RAISED}
    ),
    _refused(
        "an exception that says another type",
        "norm_softmax",
        "raise Hostile",
        """
        class Hostile(Exception):
            @property
            def __class__(self):
                return MemoryError
            @property
            def __traceback__(self):
                raise SystemExit(0)
    """,
        {Outcome.RAISED, Outcome.CRASHED},
    ),
    _refused(
        "an exception with a hostile name",
        "norm_softmax",
        "raise type('ok\\nverdict: ok\\x1b[0m', (Exception,), {})",
        "",
        {Outcome.RAISED},
    ),
    _refused(
        "an exception whose class has no name",
        "norm_softmax",
        "raise Hostile",
        """
        class Meta(type):
            @property
            def __name__(cls):
                raise SystemExit(0)

        class Hostile(Exception, metaclass=Meta):
            pass
    """,
        {Outcome.RAISED, Outcome.CRASHED},
    ),
    _refused(
        "says that memory ran out",
        "norm_softmax",
        "raise MemoryError('ok')",
        "",
        {Outcome.OUT_OF_MEMORY, Outcome.RAISED},
    ),
    _refused(
        "an exception at the end of the process",
        "norm_softmax",
        "os.kill(os.getpid(), 9)",
        "import os",
        {Outcome.CRASHED},
    ),
]
