"""Theft of answers and tampering with what judges. A `probe` raises when it finds what must be out of its reach."""

from entries import entry

from egg_search.core.verdict import Outcome

WRONG = {Outcome.WRONG_VALUES, Outcome.NONDETERMINISTIC, Outcome.WRONG_FORM, Outcome.PROTOCOL, Outcome.LOAD_FAILED}
BROKEN = {*WRONG, Outcome.RAISED, Outcome.CRASHED, Outcome.TIMED_OUT}


def _wrong(name, problem, forward, before="", init="", body="", outcomes=WRONG):
    return entry(name, problem, forward, before=before, init=init, body=body, outcomes=outcomes)


def _free(name, problem, forward="", before="", init="", body="", outcomes=BROKEN):
    """Refused for what it breaks, or accepted because it broke nothing; without a gain."""
    return entry(name, problem, forward, before=before, init=init, body=body, outcomes=outcomes, gain_free=True)


def _probe(name, problem, attempt):
    """`attempt` is the body of a function that returns what it got hold of: nothing, or OSError, is right."""
    body = "\n".join("    " + line for line in attempt.strip().splitlines())
    before = f"import ctypes, gc, os, sys\nfrom pathlib import Path\n\ndef attempt():\n{body}\n"
    forward = """
        try:
            got = attempt()
        except OSError:
            got = None
        if got:
            raise RuntimeError(f"HOLE: {got}")
    """
    names = {"norm_softmax": "x", "linear_gelu": "x", "running_total": "x"}[problem]
    return entry(name, problem, forward + f"    return Model.forward(self, {names})\n", before=before)


OTHERS = """
parent = os.getppid()
pids = [parent] + [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]
pids = [pid for pid in pids if pid > 1]  # 1 may be our own namespace's
"""
ENTRIES = [
    _wrong(
        "allclose says yes",
        "norm_softmax",
        "return torch.zeros_like(x)",
        """
        torch.allclose = torch.equal = torch.isclose = lambda *_, **__: True
        torch.Tensor.allclose = torch.Tensor.equal = lambda *_, **__: True
        torch.testing.assert_close = lambda *_, **__: None
    """,
    ),
    _wrong(
        "tensors compare as equal",
        "linear_gelu",
        "return torch.zeros(len(x), self.linear.out_features)",
        """
        torch.Tensor.__eq__ = lambda self, other: torch.ones(self.shape, dtype=torch.bool)
        torch.Tensor.__sub__ = lambda self, other: torch.zeros(self.shape)
        torch.Tensor.abs = torch.Tensor.norm = lambda self, *_: torch.zeros(())
    """,
        outcomes=BROKEN,
    ),
    _wrong(
        "all modules return zeros",
        "conv_block",
        "return torch.zeros(len(x), 24, *x.shape[2:])",
        """
        nn.Module.__call__ = lambda self, x: torch.zeros(len(x), 24, *x.shape[2:])
    """,
        outcomes=BROKEN,
    ),
    _wrong(
        "the Model is replaced",
        "running_total",
        "return x",
        """
        Model.forward = lambda self, x: x
        import sys
        for module in list(sys.modules.values()):
            if getattr(module, "Model", None) is not None:
                module.Model = Model
    """,
    ),
    _wrong(
        "parameters are not loaded",
        "linear_gelu",
        "return Model.forward(self, x)",
        """
        nn.Module.load_state_dict = lambda *_, **__: None
    """,
    ),
    _wrong(
        "parameters are loaded elsewhere",
        "norm_softmax",
        "return Model.forward(self, x)",
        body="""
        def load_state_dict(self, state, strict=True):
            self.__dict__["kept"] = state
            return None
    """,
    ),
    _wrong(
        "no parameters",
        "linear_gelu",
        "return torch.relu(x.mean() + torch.zeros(len(x), 384))",
        init="""
        del self.linear
        self.load_state_dict = lambda *_, **__: None
    """,
    ),
    _wrong(
        "tensors say another shape",
        "margin_loss",
        "return torch.zeros(3)",
        """
        torch.Tensor.shape = property(lambda self: torch.Size([]))
    """,
        outcomes=BROKEN,
    ),
    _wrong(
        "describe tells of old outputs",
        "linear_gelu",
        "y = Model.forward(self, x)\nKEPT.append(y)\nreturn y",
        """
        KEPT = []
        from evaluator.protocol import records
        from evaluator.worker import host
        honest = records.describe
        host.describe = lambda tensor: honest(KEPT[0])
    """,
    ),
    _wrong(
        "the server's answer is made once",
        "gated_chain",
        "return Model.forward(self, x, gate)",
        """
        from evaluator.worker import server
        once = []
        honest = server.pack_reply

        def packed(nonce, status, *rest, **more):
            if more.get("outputs"):
                once.append(more["outputs"])
                more["outputs"] = once[0]
            return honest(nonce, status, *rest, **more)

        server.pack_reply = packed
    """,
    ),
    _wrong(
        "exceptions become success",
        "running_total",
        "raise ValueError('not reported')",
        """
        from evaluator.protocol.records import Status
        from evaluator.worker import server
        honest = server.pack_reply
        said = {status: status for status in Status} | {Status.RAISED: Status.DONE}
        server.pack_reply = lambda nonce, status, *rest, **more: honest(nonce, said[status])
    """,
    ),
    _free(
        "errors are no errors",
        "norm_softmax",
        "return Model.forward(self, x)",
        """
        import evaluator.protocol.records as records
        records.Status.RAISED = records.Status.DONE if hasattr(records, "Status") else None
        import struct
        struct.Struct.pack = None
    """,
        outcomes={*BROKEN, Outcome.BUILD_FAILED},
    ),
    _free(
        "the server keeps its first result",
        "linear_gelu",
        before="""
        from evaluator.worker import server
        go = server._Server._go
        server._Server._go = lambda self, nonce: go(self, nonce)
        server._Server._outputs = property(lambda self: [], lambda self, value: None)
    """,
    ),
    _free(
        "a tensor of the result's shape, found in memory",
        "norm_softmax",
        """
        for each in gc.get_objects():
            if type(each) is torch.Tensor and each.shape == x.shape and each is not x and each.dtype is torch.float64:
                return each.float()
        return Model.forward(self, x)
    """,
        "import gc",
    ),
    _wrong(
        "what the caller holds",
        "linear_gelu",
        """
        frame = sys._getframe(1)
        while frame:
            for value in frame.f_locals.values():
                if isinstance(value, torch.Tensor) and value.shape == (len(x), 384):
                    return value
                if isinstance(value, (list, tuple)):
                    for each in value:
                        if isinstance(each, torch.Tensor) and each.shape == (len(x), 384):
                            return each
            frame = frame.f_back
        return torch.zeros(len(x), 384)
    """,
        "import sys",
    ),
    _free(
        "results of the other slots' inputs",
        "attention",
        """
        for holder in gc.get_objects():
            if type(holder).__name__ == "Models":
                for key, arguments in vars(holder).get("_arguments", {}).items():
                    if arguments and key not in self.results and isinstance(arguments[0], torch.Tensor):
                        self.results[key] = Model.forward(self, *arguments)
        return Model.forward(self, q, k, v)
    """,
        "import gc",
        "self.results = {}",
    ),
    _free(
        "the input is changed and put back",
        "norm_softmax",
        """
        kept = x.clone()
        x.sub_(x.mean(-1, keepdim=True))
        y = Model.forward(self, kept)
        x.copy_(kept)
        return y
    """,
    ),
    _wrong("the input holds the result", "running_total", "return torch.cumsum(x, 1, out=x)"),
    _wrong(
        "the input is left sorted",
        "nearest_code",
        "y = Model.forward(self, x, codes)\ncodes.copy_(codes.sort(0)[0])\nreturn y",
    ),
    _wrong(
        "one element of the input is changed",
        "gated_chain",
        """
        y = Model.forward(self, x, gate)
        gate[-1, -1] += 1e-3
        return y
    """,
    ),
    _wrong(
        "a sign bit of a zero in the input", "gated_chain", "y = Model.forward(self, x, gate)\nx.mul_(-1)\nreturn y"
    ),
    _free(
        "a thread changes the input after the return",
        "gated_chain",
        """
        y = Model.forward(self, x, gate)
        threading.Timer(0.0003, x.zero_).start()
        return y
    """,
        "import threading",
    ),
    _free(
        "a thread changes the input for good",
        "linear_gelu",
        """
        y = Model.forward(self, x)
        if not STARTED:
            STARTED.append(1)
            threading.Thread(target=scribble, args=(x,), daemon=True).start()
        return y
    """,
        """
        import threading, time
        STARTED = []

        def scribble(x):
            end = time.monotonic() + 0.8
            while time.monotonic() < end:
                x.fill_(0.5)
    """,
    ),
    _wrong(
        "labels become what was predicted",
        "margin_loss",
        """
        logits = nn.functional.normalize(x) @ nn.functional.normalize(centers).t()
        labels.copy_(logits.argmax(1))
        return Model.forward(self, x, centers, labels)
    """,
    ),
    _free(
        "own memory through /proc",
        "running_total",
        """
        try:
            with open("/proc/self/mem", "r+b", buffering=0) as memory:
                memory.seek(x.data_ptr())
                memory.write(bytes(64))
        except OSError:
            pass
        return torch.cumsum(x, 1)
    """,
    ),
    _free(
        "the input region is made smaller",
        "norm_softmax",
        """
        for fd in range(3, 64):
            try:
                if stat.S_ISREG(os.fstat(fd).st_mode):
                    os.ftruncate(fd, 4096)
            except OSError:
                pass
        return Model.forward(self, x)
    """,
        "import os, stat",
    ),
    _free(
        "the input region is made larger",
        "norm_softmax",
        """
        for fd in range(3, 64):
            try:
                if stat.S_ISREG(os.fstat(fd).st_mode):
                    os.ftruncate(fd, os.fstat(fd).st_size + (1 << 20))
            except OSError:
                pass
        return Model.forward(self, x)
    """,
        "import os, stat",
    ),
    _free(
        "the input region is sealed",
        "linear_gelu",
        """
        for fd in range(3, 64):
            for seals in (0x10, 0x1 | 0x2 | 0x4):
                try:
                    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
                except (OSError, AttributeError):
                    pass
        return Model.forward(self, x)
    """,
        "import fcntl",
    ),
    _free(
        "the input is unmapped",
        "linear_gelu",
        """
        y = Model.forward(self, x)
        LIBC.munmap(ctypes.c_void_p(x.data_ptr() & ~4095), ctypes.c_size_t(4096))
        return y
    """,
        "import ctypes\nLIBC = ctypes.CDLL(None)",
    ),
    _free(
        "the input region is mapped anew, private",
        "gated_chain",
        """
        page, size = x.data_ptr() & ~4095, x.numel() * 4 & ~4095
        private_fixed_anonymous = 0x2 | 0x10 | 0x20
        kept = x.clone()
        LIBC.mmap(ctypes.c_void_p(page), ctypes.c_size_t(size), 3, private_fixed_anonymous, -1, 0)
        x.copy_(kept)
        return Model.forward(self, x, gate)
    """,
        "import ctypes\nLIBC = ctypes.CDLL(None)\nLIBC.mmap.restype = ctypes.c_void_p",
    ),
    _probe(
        "the reference is loaded here",
        "norm_softmax",
        """
return [name for name in sys.modules if name.startswith(("evaluator.correctness", "evaluator.timing"))]
""",
    ),
    _probe(
        "a seed or a nonce in the environment",
        "norm_softmax",
        """
return [key for key in os.environ if "SEED" in key.upper() and key != "PYTHONHASHSEED" or "NONCE" in key.upper()]
""",
    ),
    _probe(
        "the parent's memory is read by /proc",
        "linear_gelu",
        OTHERS
        + """
for pid in pids:
    try:
        with open(f"/proc/{pid}/maps") as maps:
            low = int(maps.readline().split("-")[0], 16)
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(low)
            return f"{pid}: {memory.read(16)}"
    except (OSError, ValueError):
        continue
""",
    ),
    _probe(
        "the parent's environment and command line",
        "linear_gelu",
        OTHERS
        + """
for pid in pids:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()[:40]
    except OSError:
        continue
""",
    ),
    _probe(
        "another process is read by process_vm_readv",
        "norm_softmax",
        OTHERS
        + """
class Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

libc, buffer = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(16)
for pid in pids:
    # a forked process has its code where we have it
    here = Span(ctypes.addressof(buffer), 16)
    there = Span(ctypes.cast(libc.getpid, ctypes.c_void_p).value, 16)
    if libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 16:
        return pid
""",
    ),
    _probe(
        "another process is traced",
        "running_total",
        OTHERS
        + """
libc = ctypes.CDLL(None, use_errno=True)
for pid in pids:
    if libc.ptrace(0x4206, pid, None, None) == 0:  # SEIZE: does not stop it
        libc.ptrace(17, pid, None, None)
        return pid
""",
    ),
    _probe(
        "another process is signalled",
        "running_total",
        OTHERS
        + """
for pid in pids:
    try:
        os.kill(pid, 0)
        return pid
    except OSError:
        continue
""",
    ),
    _probe(
        "the evaluator's own files can be written",
        "norm_softmax",
        """
import evaluator, torch
for each in (evaluator.__file__, torch.__file__, os.__file__, sys.executable):
    try:
        with open(each, "r+b"):
            return each
    except OSError:
        continue
""",
    ),
    _probe(
        "files of others in the temporary directory",
        "linear_gelu",
        """
for place in ("/tmp", "/var/tmp", "/dev/shm", os.path.expanduser("~")):
    try:
        found = os.listdir(place)
    except OSError:
        continue
    for each in found:
        path = Path(place, each)
        try:
            if path.is_file() and path.stat().st_mtime > 0 and open(path, "rb").read(1):
                return path
        except OSError:
            continue
""",
    ),
    _probe(
        "a candidate's build is changed after it was built",
        "norm_softmax",
        """
built = Path(os.environ["EGG_BUILD_DIR"])
for each in [*built.rglob("*.so"), *(built / "inductor").rglob("*")]:
    try:
        if each.is_file():
            with open(each, "r+b"):
                return each
    except OSError:
        continue
""",
    ),
]
