"""What torch offers around operators, and small habits in forward."""

from entries import entry

SAME = "return super().forward(x)"
ENTRIES = [
    entry(
        "script",
        "norm_softmax",
        "return KERNEL(x, self.norm.weight, self.norm.bias)",
        before="""
@torch.jit.script
def KERNEL(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.softmax(torch.layer_norm(x, [x.size(-1)], w, b), -1)
        """,
    ),
    entry(
        "a traced model",
        "linear_gelu",
        """
        if x.shape not in self.traced:
            self.traced[x.shape] = torch.jit.trace(KERNEL, (x, *self.parts))
        return self.traced[x.shape](x, *self.parts)
        """,
        before="""
        def KERNEL(x, weight, bias):
            return nn.functional.gelu(nn.functional.linear(x, weight, bias))
        """,
        init="self.traced = {}\nself.parts = [each.detach() for each in self.parameters()]",
    ),
    entry(
        "compiled by a backend that compiles nothing",
        "norm_softmax",
        "return self.fast(x)",
        init="""
        self.fast = torch.compile(super().forward, backend="eager")
        """,
    ),
    entry(
        "traced by fx",
        "norm_softmax",
        "return self.graph(x)",
        before="import torch.fx",
        init="""
        base = Model(features)
        base.norm = self.norm
        self.__dict__["graph"] = torch.fx.symbolic_trace(base)
        """,
    ),
    entry(
        "an operator of its own",
        "norm_softmax",
        "return torch.ops.egg_honest.kernel(x, self.norm.weight, self.norm.bias)",
        before="""
LIBRARY = torch.library.Library("egg_honest", "DEF")
LIBRARY.define("kernel(Tensor x, Tensor w, Tensor b) -> Tensor")
LIBRARY.impl("kernel", lambda x, w, b: torch.softmax(torch.layer_norm(x, x.shape[-1:], w, b), -1), "CPU")
        """,
    ),
    entry("inference mode", "norm_softmax", "with torch.inference_mode():\n    return super().forward(x)"),
    entry("with gradients on", "norm_softmax", "with torch.enable_grad():\n    return super().forward(x)"),
    entry("hooks", "norm_softmax", SAME, init="self.norm.register_forward_hook(lambda m, i, o: o + 0)"),
    entry(
        "a profiler's range",
        "norm_softmax",
        "with torch.profiler.record_function('kernel'):\n    return super().forward(x)",
    ),
    entry(
        "measures itself",
        "norm_softmax",
        """
        begin = time.perf_counter()
        y = super().forward(x)
        self.spent += time.perf_counter() - begin
        return y
        """,
        before="import time",
        init="self.spent = 0.0",
    ),
    entry(
        "reads addresses and strides",
        "norm_softmax",
        """
        aligned = x.data_ptr() % 64 == 0 and x.is_contiguous() and x.stride(-1) == 1
        return super().forward(x if aligned else x.contiguous())
        """,
    ),
    entry(
        "a try around the fast way",
        "norm_softmax",
        """
        try:
            return torch.ops.no_such_library.kernel(x)
        except (AttributeError, RuntimeError):
            return super().forward(x)
        """,
    ),
    entry(
        "mathematics on the host",
        "attention",
        """
        scale = math.exp(-0.5 * math.log(q.shape[-1]))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)
        return self.project(mixed.transpose(1, 2).flatten(2))
        """,
        before="import math",
    ),
    entry("a value read to the host", "margin_loss", "return torch.tensor(super().forward(x, centers, labels).item())"),
    entry(
        "a memory file",
        "norm_softmax",
        SAME,
        before="""
import os
fd = os.memfd_create("workspace")
os.ftruncate(fd, 1 << 16)
os.close(fd)
        """,
    ),
    entry("shared memory of torch", "norm_softmax", "return super().forward(x).share_memory_()"),
    entry(
        "a lock of processes",
        "norm_softmax",
        "with LOCK:\n    return super().forward(x)",
        before="import threading\nLOCK = threading.RLock()",
    ),
    entry(
        "subprocess, imported and not used",
        "norm_softmax",
        SAME,
        before="import subprocess, shlex\nCOMMAND = shlex.split('g++ -O3')",
    ),
    entry(
        "a pipe between threads",
        "norm_softmax",
        """
        os.write(PIPE[1], b"go")
        assert os.read(PIPE[0], 2) == b"go"
        """
        + SAME,
        before="import os\nPIPE = os.pipe()",
    ),
    entry(
        "an inner class of modules",
        "linear_gelu",
        "return self.inner(x, self.linear.weight, self.linear.bias)",
        init="""
        class Inner(nn.Module):
            def forward(self, x, weight, bias):
                return nn.functional.gelu(nn.functional.linear(x, weight, bias))
        self.inner = Inner()
        """,
    ),
]
