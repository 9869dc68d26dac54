"""`ModelNew.forward` as one launch of a captured CUDA graph."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

from operators.authors.expert.emit.model_new import state_text
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.ir.torch_call import argument

CUDA_GRAPH = '''
class _EggGraph:
    """One run of `body`, captured with inputs of its own, for parameters and buffers that are as they were."""

    def __init__(self, body, inputs, state):
        self.state, self.marks = state, _egg_marks(state)
        with torch.inference_mode(False), torch.no_grad():
            self.inputs = [torch.empty_like(t).copy_(t) for t in inputs]
            # A first run loads kernels and makes what is kept, which a capture must not.
            side, current = torch.cuda.Stream(), torch.cuda.current_stream()
            side.wait_stream(current)
            with torch.cuda.stream(side):
                body(*self.inputs)
            current.wait_stream(side)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
                self.outputs = body(*self.inputs)

    def fits(self, state):
        return self.marks == _egg_marks(state)

    def replayed(self, inputs):
        torch._foreach_copy_(self.inputs, inputs)
        self.graph.replay()
        return [t.clone() for t in self.outputs]  # the next replay writes over its own

    def __reduce__(self):
        return type(None), ()  # a copy of the model captures its own


def _egg_capture_nothing():
    """torch's random numbers take a capture that failed for one that goes on, until another one has ended."""
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.inference_mode(False), torch.cuda.graph(graph, capture_error_mode="thread_local"):
            torch.zeros(1, device="cuda")
    except RuntimeError:
        pass
'''.strip()

_METHODS = '''
    def _egg_body(self, {inputs}):
{body}

    def _egg_run(self, *inputs):
        """`_egg_body`; on a GPU by one launch for all of its kernels, captured anew when the state is another."""
        state = [{state}]
        if not self._egg_captured(inputs, state):
            return self._egg_body(*inputs)
        return self._egg_graph.replayed(inputs)

    def _egg_captured(self, inputs, state):
        """Whether `self._egg_graph` is for this state; False where nothing can be captured."""
        usual = all(t.is_cuda for t in inputs) and not any(t.is_inference() for t in state)
        if not usual or self._egg_graph is False or torch.cuda.is_current_stream_capturing():
            return False
        if self._egg_graph is None or not self._egg_graph.fits(state):
            current = torch.cuda.current_stream()
            try:
                self._egg_graph = _EggGraph(self._egg_body, inputs, state)
            except RuntimeError:
                self._egg_graph = False  # the body waits for the GPU, say
                torch.cuda.set_stream(current)
                _egg_capture_nothing()
        return self._egg_graph is not False
'''


def capturing_forward(graph: Graph, body: Sequence[str]) -> tuple[list[str], str]:
    """Forward's statements, and the methods that they call; `body` are statements over parameters `t<id>`, the input
    nodes, that return a tuple of all outputs."""
    inputs = [node for node in graph.nodes if node.op == "input"]
    given = ", ".join(f"_egg_dense({argument('args', node)})" for node in inputs)
    methods = _METHODS.format(
        inputs=", ".join(f"t{node.id}" for node in inputs),
        body=indent("\n".join(body), " " * 8),
        state=", ".join(state_text(node.attrs["name"]) for node in graph.nodes if node.op == "state"),
    )
    results = graph.form.format(*(f"results[{i}]" for i in range(len(graph.outputs))))
    return [f"results = self._egg_run({given})", f"return {results}"], methods
