"""What is returned is not what a forward may return, or not where it should lie."""

from gpu.corpus import FORM, free, refused, wrong
from gpu.tools import ROOM


def _form(name, problem, forward, *before):
    return refused(name, problem, forward, *before, outcomes=FORM)


ENTRIES = [
    _form("on the CPU", "norm_softmax", "return Model.forward(self, x).cpu()"),
    _form("in pinned memory", "norm_softmax", "return Model.forward(self, x).cpu().pin_memory()"),
    _form("computed on the CPU", "gated_chain", "return Model.forward(self.cpu(), x.cpu(), gate.cpu())"),
    _form("without any memory", "norm_softmax", "return Model.forward(self, x).to('meta')"),
    _form("sparse", "norm_softmax", "return Model.forward(self, x).to_sparse()"),
    _form("in half precision", "norm_softmax", "return Model.forward(self, x).half()"),
    _form("one of two", "rms_pair", "return Model.forward(self, x)[0]"),
    _form("two in a list", "rms_pair", "return list(Model.forward(self, x))"),
    _form("flat", "linear_gelu", "return Model.forward(self, x).flatten()"),
    _form("a number of Python's", "weighted_loss", "return Model.forward(self, x, target).item()"),
    wrong("the input, changed", "norm_softmax", "return x.copy_(Model.forward(self, x))"),
    wrong("the input, as it is", "norm_softmax", "return x"),
    wrong("the input is used up", "norm_softmax", "y = Model.forward(self, x)\nx.zero_()\nreturn y"),
    wrong("two outputs in the same memory", "rms_pair", "y, scale = Model.forward(self, x)\nreturn y, y[:, :1]"),
    free("a transposed view", "turned", "return x.transpose(1, 2)"),
    free(
        "the other place for inputs is overwritten",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        for other in SEEN:
            if other.data_ptr() != x.data_ptr():
                other.fill_(float("nan"))
        if all(other.data_ptr() != x.data_ptr() for other in SEEN):
            SEEN.append(x)
        return y
        """,
        "SEEN = []",
    ),
    free(
        "all memory of the verifier's that can be found is overwritten",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        room = room_of(x)
        if room is not None:
            room.fill_(float("nan"))
        return y
        """,
        ROOM,
    ),
    free(
        "right, and then its place is overwritten once more",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        wait = torch.cuda.synchronize
        def later(*_):
            wait()
            y.zero_()
        torch.cuda.synchronize = later
        return y
        """,
    ),
]
