"""Answers of earlier calls, for inputs that are taken for known: caches, graphs, what memory still holds."""

from gpu.corpus import free, wrong

_MEMO = """
key = {key}
if key not in KNOWN:
    KNOWN[key] = Model.forward(self, x)
return KNOWN[key]
"""
_GRAPH = """
def captured(self, x):
    '''A graph that reads `x`, wherever that lies, and the tensor that it writes.'''
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        Model.forward(self, x)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = Model.forward(self, x)
    return graph, y
"""


def _memo(name, key, before="", right=False, problem="norm_softmax"):
    """`right`: equal keys mean equal inputs."""
    kind = free if right else wrong
    return kind(name, problem, _MEMO.format(key=key), "KNOWN = {}", before)


ENTRIES = [
    _memo("by address", "x.data_ptr()"),
    _memo("by address and version", "(x.data_ptr(), x._version)", problem="linear_gelu"),
    _memo("by identity", "id(x)"),
    _memo("by shape", "x.shape"),
    _memo("by the content", "x.cpu().numpy().tobytes()", right=True),
    _memo("by a checksum on the device", "(x.double().sum().item(), x[::97].double().sum().item())", right=True),
    _memo("by a few elements", "tuple(x[::512, 7].tolist())", right=True, problem="linear_gelu"),
    _memo("by the first element", "x[0, 0].item()", right=True),
    wrong(
        "a graph that is bound to the first address",
        "norm_softmax",
        """
        if self.graph is None:
            self.graph, self.y = captured(self, x)
        self.graph.replay()
        return self.y
        """,
        _GRAPH,
        init="self.graph = None",
    ),
    wrong(
        "a graph that is bound to a copy of the first inputs",
        "linear_gelu",
        """
        if self.graph is None:
            self.x = x.clone()
            self.graph, self.y = captured(self, self.x)
        self.graph.replay()
        return self.y
        """,
        _GRAPH,
        init="self.graph = None",
    ),
    wrong(
        "a graph that replays a remembered answer",
        "norm_softmax",
        """
        if self.graph is None:
            self.y = Model.forward(self, x)
            self.out = torch.empty_like(self.y)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.out.copy_(self.y)
        self.graph.replay()
        return self.out
        """,
        init="self.graph = None",
    ),
    wrong(
        "a graph that gets its inputs after it was replayed",
        "norm_softmax",
        """
        if self.graph is None:
            self.x = x.clone()
            self.graph, self.y = captured(self, self.x)
        self.graph.replay()
        self.x.copy_(x)
        return self.y
        """,
        _GRAPH,
        init="self.graph = None",
    ),
    wrong(
        "memory that may still hold the last answer",
        "norm_softmax",
        """
        self.calls += 1
        return Model.forward(self, x) if self.calls < 2 else torch.empty_like(x)
        """,
        init="self.calls = 0",
    ),
    wrong(
        "the answer before",
        "linear_gelu",
        """
        y, self.y = self.y, Model.forward(self, x)
        return self.y if y is None else y
        """,
        init="self.y = None",
    ),
    wrong(
        "what the verifier's memory holds already",
        "norm_softmax",
        "room = room_of(x)\nreturn Model.forward(self, x) if room is None or self.calls() < 2 else room",
        "from itertools import count",
        """
        import sys

        def room_of(like):
            frame, size = sys._getframe(), like.numel() * like.element_size()
            while frame:
                memory = getattr(frame.f_locals.get("self"), "_memory", None)
                for value in vars(memory).values() if memory is not None else ():
                    if isinstance(value, torch.Tensor) and value.is_cuda and len(value) >= size:
                        return value[:size].view(like.dtype).view(like.shape)
                frame = frame.f_back
        """,
        init="self.calls = count().__next__",
    ),
    free(
        "a shortcut for whoever captures it",
        "norm_softmax",
        """
        if torch.cuda.is_current_stream_capturing():
            return torch.zeros_like(x)
        return Model.forward(self, x)
        """,
    ),
]
