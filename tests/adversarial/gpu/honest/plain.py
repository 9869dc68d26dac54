"""Without kernels of one's own: torch, streams, graphs, buffers."""

from functools import partial

from gpu.corpus import OWN, honest
from gpu.tools import DRIVER, SIDE

from evaluator.settings import Effort

_screened = partial(honest, effort=Effort.SCREEN)  # what is the same at every shape
_OWN = (
    "norm_softmax",
    "gated_chain",
    "linear_gelu",
    "weighted_loss",
    "batch_norm",
    "rms_pair",
    "small_difference",
    "turned",
    "mean_squares",
)
_GRAPHS = """
def captured(self, x, gate):
    '''A graph over copies of its arguments, and the tensor that it writes.'''
    stream, own = torch.cuda.Stream(), [x.clone(), gate.clone()]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        Model.forward(self, *own)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = Model.forward(self, *own)
    return graph, own, y
"""

ENTRIES = [
    *(_screened(OWN, problem, "") for problem in _OWN),
    honest(
        "a graph that its inputs are copied to",
        "gated_chain",
        """
        if x.shape not in self.graphs:
            self.graphs[x.shape] = captured(self, x, gate)
        graph, own, y = self.graphs[x.shape]
        own[0].copy_(x)
        own[1].copy_(gate)
        graph.replay()
        return y
        """,
        _GRAPHS,
        init="self.graphs = {}",
    ),
    honest(
        "a graph for each place that inputs lie in",
        "gated_chain",
        """
        place = x.data_ptr(), gate.data_ptr(), x.shape
        if place not in self.graphs:
            Model.forward(self, x, gate)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                y = Model.forward(self, x, gate)
            self.graphs[place] = graph, y, x, gate
        self.graphs[place][0].replay()
        return self.graphs[place][1]
        """,
        init="self.graphs = {}",
    ),
    _screened(
        "an own stream, joined",
        "norm_softmax",
        """
        half, y = len(x) // 2, torch.empty_like(x)
        side().wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side()):
            y[half:] = Model.forward(self, x[half:])
            done = side().record_event()
        y[:half] = Model.forward(self, x[:half])
        done.wait()
        return y
        """,
        SIDE,
    ),
    _screened(
        "streams of different priority, joined",
        "linear_gelu",
        """
        if not self.streams:
            self.streams = [torch.cuda.Stream(priority=each) for each in (0, -1)]
        parts = []
        for stream, part in zip(self.streams, x.chunk(2)):
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                parts.append(Model.forward(self, part))
        for stream in self.streams:
            torch.cuda.current_stream().wait_stream(stream)
        return torch.cat(parts)
        """,
        init="self.streams = []",
    ),
    _screened(
        "a thread that is waited for",
        "gated_chain",
        """
        def work():
            with torch.no_grad(), torch.cuda.stream(torch.cuda.default_stream()):
                return Model.forward(self, x, gate)
        return POOL.submit(work).result()
        """,
        "from concurrent.futures import ThreadPoolExecutor\nPOOL = ThreadPoolExecutor(1)",
    ),
    _screened(
        "waits for the device itself",
        "norm_softmax",
        "y = Model.forward(self, x)\ntorch.cuda.synchronize()\nreturn y",
    ),
    honest(
        "weights repacked when they are first used",
        "linear_gelu",
        """
        weight = self.linear.weight
        if self.packed is None or self.packed[0] != weight._version:
            self.packed = weight._version, weight.t().contiguous()
        return torch.nn.functional.gelu(torch.addmm(self.linear.bias, x, self.packed[1]))
        """,
        init="self.packed = None",
    ),
    honest(
        "in place on an own buffer",
        "gated_chain",
        """
        if self.scratch is None or self.scratch.shape != x.shape:
            self.scratch = torch.empty_like(x)
        y = torch.mul(x, self.gain, out=self.scratch).add_(self.shift).tanh_()
        return y.mul_(torch.sigmoid(gate)).add_(x).clone()
        """,
        init="self.scratch = None",
    ),
    _screened(
        "an own output buffer, used again",
        "norm_softmax",
        """
        if self.out is None or self.out.shape != x.shape:
            self.out = torch.empty_like(x)
        return torch.softmax(self.norm(x), -1, out=self.out)
        """,
        init="self.out = None",
    ),
    _screened(
        "a transposed result",
        "linear_gelu",
        "y = torch.addmm(self.linear.bias[:, None], self.linear.weight, x.t())\nreturn torch.nn.functional.gelu(y).t()",
    ),
    _screened(
        "a slice of a larger buffer",
        "norm_softmax",
        """
        y = torch.empty(len(x) + 3, x.shape[1] + 5, device=x.device)[3:, 5:]
        y.copy_(Model.forward(self, x))
        return y
        """,
    ),
    _screened(
        "a large workspace",
        "norm_softmax",
        """
        space = torch.empty(1 << 28, device=x.device)
        y = torch.softmax(self.norm(x), -1, out=space[: x.numel()].view(x.shape))
        return y.clone()
        """,
    ),
    honest(
        "running statistics by hand",
        "batch_norm",
        """
        bn, axes = self.bn, (0, 2, 3)
        variance, mean = torch.var_mean(x, axes, correction=0)
        count = x.numel() // x.shape[1]
        bn.num_batches_tracked += 1
        bn.running_mean.lerp_(mean, bn.momentum)
        bn.running_var.lerp_(variance * (count / (count - 1)), bn.momentum)
        scale = bn.weight * torch.rsqrt(variance + bn.eps)
        centred = x - mean.view(-1, 1, 1)
        return torch.relu_(centred * scale.view(-1, 1, 1) + bn.bias.view(-1, 1, 1))
        """,
    ),
    _screened(
        "sums in two steps",
        "weighted_loss",
        "return (((x - target) ** 2).sum(0) * self.weight).sum() / x.numel()",
    ),
    _screened("one product in place of two", "small_difference", "return step @ self.weight"),
    _screened(
        "lines of the weights are to stay in the cache",
        "linear_gelu",
        """
        if not self.kept:
            self.kept = reserve_l2(1 << 23) or True
        keep_in_l2(torch.cuda.current_stream(), self.linear.weight)
        return Model.forward(self, x)
        """,
        DRIVER,
        init="self.kept = False",
    ),
]
