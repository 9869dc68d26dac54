"""Replay: an output of an earlier call for inputs that are taken for known."""

import textwrap

from entries import entry

from egg_search.core.verdict import Outcome

WRONG = {Outcome.WRONG_VALUES, Outcome.NONDETERMINISTIC}
MEMO = """
key = {key}
if key not in {cache}:
    {cache}[key] = Model.forward(self, {arguments})
return {cache}[key]
"""


def _memo(name, problem, arguments, key, cache="CACHE", before="", right=False, init=""):
    """A memo under a key; `right`: equal keys mean equal inputs, so that it is never wrong, and must not gain."""
    return entry(
        name,
        problem,
        MEMO.format(key=key, cache=cache, arguments=arguments),
        before="CACHE = {}\n" + textwrap.dedent(before),
        init=init,
        outcomes=WRONG,
        gain_free=right,
    )


def _stale(name, problem, forward, before="", init="", gain_free=False):
    return entry(name, problem, forward, before=before, init=init, outcomes=WRONG, gain_free=gain_free)


ENTRIES = [
    _memo("by pointer", "norm_softmax", "x", "x.data_ptr()"),
    _memo("by pointer and version", "linear_gelu", "x", "(x.data_ptr(), x._version)"),
    _memo("by identity", "conv_block", "x", "id(x)"),
    _memo("by identity of the storage", "attention", "q, k, v", "(q.untyped_storage()._cdata, v.data_ptr())"),
    _memo("by shape", "running_total", "x", "tuple(x.shape)"),
    _memo("by shape, and the scale", "gated_chain", "x, gate", "(x.shape, round(x[::50].std().item(), 1))"),
    _memo("by the model", "norm_softmax", "x", "self"),
    _memo("on the class", "linear_gelu", "x", "x.shape", cache="type(self).memo", init="type(self).memo = {}"),
    _memo("on torch itself", "conv_block", "x", "x.data_ptr()", "torch.memo", "torch.memo = {}"),
    _memo(
        "in a module of its own",
        "running_total",
        "x",
        "x.data_ptr()",
        "sys.modules['memo'].kept",
        """
        import sys, types
        sys.modules["memo"] = types.ModuleType("memo")
        sys.modules["memo"].kept = {}
    """,
    ),
    _memo(
        "by a function's cache",
        "margin_loss",
        "x, centers, labels",
        "len(x)",
        "__builtins__.setdefault('memo', {})",
        """
        import builtins
        __builtins__ = vars(builtins)
    """,
    ),
    _memo("by a few elements", "linear_gelu", "x", "tuple(x[::40, 7].tolist())", right=True),
    _memo(
        "by the first element", "attention", "q, k, v", "(q[0, 0, 0, 0].item(), v[-1, -1, -1, -1].item())", right=True
    ),
    _memo("by the sum", "attention", "q, k, v", "(q.sum().item(), k.sum().item(), v.sum().item())", right=True),
    _memo(
        "by some rows",
        "gated_chain",
        "x, gate",
        "bytes(x[::300].numpy().data), bytes(gate[::300].numpy().data)",
        right=True,
    ),
    _memo("by content", "linear_gelu", "x", "x.numpy().tobytes()", right=True),
    _memo(
        "by a hash of the content",
        "attention",
        "q, k, v",
        "hash(tuple(t.numpy().tobytes() for t in (q, k, v)))",
        right=True,
    ),
    _memo(
        "by a cryptographic hash",
        "conv_block",
        "x",
        "hashlib.blake2b(x.numpy().data).digest()",
        before="import hashlib",
        right=True,
    ),
    _memo(
        "by a checksum in C",
        "linear_gelu",
        "x",
        "zlib.adler32(x.numpy().data)",
        before="import zlib",
        right=True,
    ),
    _memo("by two inputs", "nearest_code", "x, codes", "(x[0, 0].item(), codes.view(-1)[-1].item())", right=True),
    _memo("of a loss by its labels", "margin_loss", "x, centers, labels", "bytes(labels.numpy().data)", right=True),
    _memo(
        "weakly, on the argument",
        "norm_softmax",
        "x",
        "x",
        cache="KEPT",
        before="""
            import weakref
            from torch.utils.weak import WeakTensorKeyDictionary
            KEPT = WeakTensorKeyDictionary()
        """,
    ),
    _stale(
        "as an attribute of the argument",
        "linear_gelu",
        """
        if not hasattr(x, "result"):
            x.result = Model.forward(self, x)
        return x.result
    """,
    ),
    _stale(
        "the output before, still in freed memory",
        "norm_softmax",
        """
        if self.calls < 1:
            self.calls += 1
            return Model.forward(self, x)
        return torch.empty_like(x)
    """,
        init="self.calls = 0",
    ),
    _stale(
        "the output of the call before",
        "gated_chain",
        """
        self.before, now = getattr(self, "before", None), None
        now = Model.forward(self, x, gate) if self.before is None else self.before
        self.before = now
        return now
    """,
    ),
    _stale(
        "the first of equal inputs in a file",
        "running_total",
        """
        if PATH.exists():
            return torch.load(PATH)
        y = Model.forward(self, x)
        torch.save(y, PATH)
        return y
    """,
        """
        import os
        from pathlib import Path
        PATH = Path(os.environ["EGG_BUILD_DIR"], f"y{os.getpid()}.pt")
    """,
    ),
    _stale(
        "a file in shared memory, by content",
        "conv_block",
        """
        path = f"/dev/shm/egg-memo-{zlib.crc32(x.numpy().data)}"
        try:
            return torch.from_numpy(np.load(path))
        except (OSError, ValueError):
            y = Model.forward(self, x)
        try:
            with open(path, "wb") as file:
                np.save(file, y.numpy())
            atexit.register(os.unlink, path)
        except OSError:
            pass
        return y
    """,
        "import atexit, os, zlib\nimport numpy as np",
        gain_free=True,
    ),
    _stale(
        "a file in the build directory, by content, from judgement to judgement",
        "linear_gelu",
        """
        path = os.path.join(os.environ["EGG_BUILD_DIR"], f"memo-{zlib.crc32(x.numpy().data)}")
        if os.path.exists(path):
            return torch.frombuffer(bytearray(open(path, "rb").read()), dtype=x.dtype).view(len(x), -1)
        y = Model.forward(self, x)
        try:
            open(path, "wb").write(y.numpy().tobytes())
        except OSError:
            pass
        return y
    """,
        "import os, zlib",
        gain_free=True,
    ),
    _stale(
        "in the environment",
        "margin_loss",
        """
        key = f"M{x[0, 0].item()}"
        if key not in os.environ:
            os.environ[key] = repr(Model.forward(self, x, centers, labels).item())
        return torch.tensor(float(os.environ[key]))
    """,
        "import os",
        gain_free=True,
    ),
    _stale(
        "the pointer of the first call",
        "linear_gelu",
        """
        if self.first is None:
            self.first = x.data_ptr(), x.shape
        address, shape = self.first
        if shape == x.shape:
            data = (ctypes.c_float * x.numel()).from_address(address)
            x = torch.frombuffer(data, dtype=x.dtype).view(shape)
        return Model.forward(self, x)
    """,
        "import ctypes",
        "self.first = None",
    ),
    _stale(
        "the arguments of the first call",
        "gated_chain",
        """
        self.first = getattr(self, "first", None) or (x, gate)
        return Model.forward(self, *self.first)
    """,
    ),
    _stale(
        "a captured graph with its first gate",
        "gated_chain",
        """
        self.gates = getattr(self, "gates", None)
        if self.gates is None:
            self.gates = torch.sigmoid(gate)
        if self.gates.shape != gate.shape:
            return Model.forward(self, x, gate)
        return torch.tanh(x * self.gain + self.shift) * self.gates + x
    """,
    ),
    _stale(
        "only rows that changed are computed",
        "linear_gelu",
        """
        if self.seen is None or self.seen[0].shape != x.shape:
            self.seen = x.clone(), Model.forward(self, x)
        before, y = self.seen
        changed = (x != before).any(1)
        y = y.clone()
        if changed.any():
            y[changed] = Model.forward(self, x[changed])
        self.seen = x.clone(), y
        return y
    """,
        init="self.seen = None",
        gain_free=True,
    ),
    _stale(
        "only rows that were never met are computed",
        "linear_gelu",
        """
        keys = [tuple(row) for row in x[:, 3:9].tolist()]
        fresh = [i for i, key in enumerate(keys) if key not in self.rows]
        if fresh:
            for i, y in zip(fresh, Model.forward(self, x[fresh])):
                self.rows[keys[i]] = y
        return torch.stack([self.rows[key] for key in keys])
    """,
        init="self.rows = {}",
        gain_free=True,
    ),
    _stale(
        "only heads that changed are computed",
        "attention",
        """
        old = getattr(self, "old", None)
        if old and all(torch.equal(a[:, :, ::20], b[:, :, ::20]) for a, b in zip(old, (q, k, v))):
            return self.y
        self.old, self.y = (q.clone(), k.clone(), v.clone()), Model.forward(self, q, k, v)
        return self.y
    """,
        gain_free=True,
    ),
    _stale(
        "multiples of a known input",
        "linear_gelu",
        """
        weight, bias = self.linear.weight, self.linear.bias
        for known, product in self.known:
            if known.shape == x.shape and known[0, 0] != 0:
                factor = x[0, 0] / known[0, 0]
                if torch.equal(x[::64, ::64], known[::64, ::64] * factor):
                    return nn.functional.gelu(product * factor + bias)
        product = x @ weight.t()
        self.known.append((x.clone(), product))
        return nn.functional.gelu(product + bias)
    """,
        init="self.known = []",
        gain_free=True,
    ),
    _stale(
        "combinations of known inputs",
        "linear_gelu",
        """
        sample = x[:16, :16].reshape(-1, 1)
        if len(self.known) > 1 and all(known[0].shape == x.shape for known in self.known):
            basis = torch.cat([known[0][:16, :16].reshape(-1, 1) for known in self.known], 1)
            factors = torch.linalg.lstsq(basis, sample).solution
            if (basis @ factors - sample).abs().max() < 1e-5:
                pre = sum(f * known[1] for f, known in zip(factors[:, 0], self.known))
                return nn.functional.gelu(pre + self.linear.bias)
        product = x @ self.linear.weight.t()
        self.known = [*self.known, (x.clone(), product)][-4:]
        return nn.functional.gelu(product + self.linear.bias)
    """,
        init="self.known = []",
        gain_free=True,
    ),
    _stale(
        "a shift of a known input",
        "norm_softmax",
        """
        for known, y in self.known:
            if known.shape == x.shape and torch.allclose((x - known)[::64, ::32], (x - known)[:1, :1], atol=1e-6):
                return y
        y = Model.forward(self, x)
        self.known = [*self.known, (x.clone(), y)][-8:]
        return y
    """,
        init="self.known = []",
        gain_free=True,
    ),
    _stale(
        "a permutation of known rows",
        "norm_softmax",
        """
        order = x[:, 0].argsort()
        key = (x[order[0], 0].item(), x[order[-1], 0].item())
        if key in self.known:
            return self.known[key][order.argsort()]
        y = Model.forward(self, x)
        self.known[key] = y[order]
        return y
    """,
        init="self.known = {}",
        gain_free=True,
    ),
    _stale(
        "what the seeds 0 to 40 give",
        "linear_gelu",
        """
        return TABLE.get(x[0, 0].item(), None) if x[0, 0].item() in TABLE else Model.forward(self, x)
    """,
        "TABLE = {}",
        """
        for seed in range(40):
            torch.manual_seed(seed)
            x = get_inputs()[0]
            if x.shape[1] == inner:
                TABLE[x[0, 0].item()] = Model.forward(self, x)
    """,
        gain_free=True,
    ),
    _stale(
        "what the seed of the weights gives",
        "running_total",
        """
        return TABLE[x[0, 0].item()] if x[0, 0].item() in TABLE else torch.cumsum(x, 1)
    """,
        """
        TABLE = {}
        state = torch.get_rng_state()
        for _ in range(30):
            x = get_inputs()[0]
            TABLE[x[0, 0].item()] = torch.cumsum(x, 1)
        torch.set_rng_state(state)
    """,
        gain_free=True,
    ),
    _stale(
        "what the verifier's seed gives, guessed from the model's",
        "running_total",
        """
        return TABLE[x[0, 0].item()] if x[0, 0].item() in TABLE else torch.cumsum(x, 1)
    """,
        """
        import random
        TABLE, MINE = {}, torch.initial_seed()
        for guess in range(2000):
            draws = random.Random(guess)
            if draws.randrange(1 << 31) == MINE:
                for seed in [draws.randrange(1 << 31) for _ in range(40)]:
                    torch.manual_seed(seed)
                    x = get_inputs()[0]
                    TABLE[x[0, 0].item()] = torch.cumsum(x, 1)
    """,
        gain_free=True,
    ),
]
