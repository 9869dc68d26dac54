"""Answers of earlier calls, for inputs that are taken for known: caches, graphs, what memory still holds."""

from gpu.corpus import free, wrong
from gpu.tools import ROOM

from evaluator.settings import Effort

_MEMO = """
key = {key}
if key not in KNOWN:
    KNOWN[key] = Model.forward(self, x)
return KNOWN[key]
"""
# All that lies in the places for inputs now is answered in the untimed calls, for what comes may lie there already:
# another process was asked the same before.
_ROUND = """
PLACES, ANSWERS = {}, {}

def sample(x):
    return tuple(x.flatten()[:: x.numel() // 3].tolist())

def answer(model, x, *rest):
    found = ANSWERS.get(sample(x))
    if found is not None and found[0] == x.shape:
        return found[1]
    PLACES[x.data_ptr()] = x, *rest
    ANSWERS.clear()
    for place in PLACES.values():
        ANSWERS[sample(place[0])] = place[0].shape, Model.forward(model, *place)
    return ANSWERS[sample(x)][1]
"""
# What the verifier's memory for outputs holds in an untimed call may be what another process answered to the question
# that comes next. One row of it is computed again to find out.
_THEFT = """
def stolen(model, x, room):
    row = Model.forward(model, x[5:6])
    return room if (room[5:6] - row).abs().max() < 1e-2 * row.abs().max() else None
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
    free("what lies in all places for inputs", "norm_softmax", "return answer(self, x)", _ROUND),
    free("what lies in all places for inputs of a product", "linear_gelu", "return answer(self, x)", _ROUND),
    free("what lies in all places for inputs of products", "small_difference", "return answer(self, x, step)", _ROUND),
    free(
        "what lies in all places for inputs, judged in full",
        "linear_gelu",
        "return answer(self, x)",
        _ROUND,
        "FULL = True",
        effort=Effort.FULL,
    ),
    free(
        "what another process answered",
        "small_difference",
        """
        room = room_of(x.new_empty(x.shape[0], self.weight.shape[1]))
        if room is None:
            return Model.forward(self, x, step)
        if self.seen is not None:
            y = stolen(self, (x, step), self.seen)
            if y is not None:
                return y
        self.seen = room.clone()
        return Model.forward(self, x, step)
        """,
        ROOM,
        _THEFT.replace("model, x[5:6]", "model, *(each[5:6] for each in x)"),
        init="self.seen = None",
    ),
    free(
        "what another process answered, of a product",
        "linear_gelu",
        """
        room = room_of(x.new_empty(x.shape[0], self.linear.out_features))
        if room is None:
            return Model.forward(self, x)
        y = None if self.seen is None else stolen(self, x, self.seen)
        if y is None:
            self.seen, y = room.clone(), Model.forward(self, x)
        return y
        """,
        ROOM,
        _THEFT,
        init="self.seen = None",
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
