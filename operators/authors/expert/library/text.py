"""The statements of a library kernel: torch calls, with a precision and a memory format of their own."""

from __future__ import annotations

from collections.abc import Iterator

from egg_search.core.knobs import Knob
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.ir.ops import VIEWS
from operators.authors.expert.ir.torch_call import torch_expression
from operators.authors.expert.library.calls import RECURRENT, called, contracts, convolves
from operators.authors.expert.plan import KernelPlan

TF32 = '''
class _EggTf32:
    """Whether products and convolutions inside may round their factors to TF32; afterwards all is as it was."""

    def __init__(self, allowed):
        self.allowed = allowed

    def __enter__(self):
        self.before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        self._set(self.allowed, self.allowed)

    def __exit__(self, *error):
        self._set(*self.before)

    def _set(self, products, convolutions):
        # Only what differs: reading is cheap, and a setting that nobody has touched stays so.
        if self.before[0] is not self.allowed:
            torch.backends.cuda.matmul.allow_tf32 = products
        if self.before[1] is not self.allowed:
            torch.backends.cudnn.allow_tf32 = convolutions
'''.strip()


def library_lines(graph: Graph, name: str, kernel: KernelPlan, names: dict[int, str], device: str = "") -> list[str]:
    """Statements that compute the kernel's nodes; `names` learns theirs. `device` is a text; "" on CPUs."""
    lines: list[str] = []
    for node_id in kernel.nodes:
        known = dict(names)
        if _last(graph, kernel, node_id):
            lines += _channels_last(graph, name, node_id, known)
        known |= _dense(graph, node_id, known)
        call = f"t{node_id} = {torch_expression(graph, graph[node_id], known, device)}"
        allowed = _allowed(name, kernel) if contracts(graph, node_id) else ""
        lines += [f"with _EggTf32({allowed}):", f"    {call}"] if allowed else [call]
        names[node_id] = f"t{node_id}"
    return lines


def _dense(graph: Graph, node_id: int, names: dict[int, str]) -> dict[int, str]:
    """Arguments of recurrent cells that a view may have left in another order: cuDNN takes none but dense ones."""
    node = graph[node_id]
    views = [i for i in node.inputs if graph[i].op in VIEWS] if called(node) in RECURRENT else []
    return {i: f"{names[i]}.contiguous()" for i in views}


def library_knobs(name: str, kernel: KernelPlan) -> tuple[Knob, ...]:
    found = (decision.knob(name.upper()) for decision in kernel.schedule.values())
    return tuple(knob for knob in found if knob)


def keeps_weights(graph: Graph, kernel: KernelPlan) -> bool:
    """Whether weights are repacked, so that the copies are worth keeping."""
    return any(True for _ in _kept(graph, kernel))


def _kept(graph: Graph, kernel: KernelPlan) -> Iterator[int]:
    for node_id in kernel.nodes:
        if _last(graph, kernel, node_id) and graph[graph[node_id].inputs[1]].op == "state":
            yield node_id


def _last(graph: Graph, kernel: KernelPlan, node_id: int) -> bool:
    return kernel.choices.get("layout") == "channels_last" and convolves(graph, node_id)


def _allowed(name: str, kernel: KernelPlan) -> str:
    """The text of the decision `tf32`; "" where there is none."""
    decision = kernel.schedule.get("tf32")
    knob = decision.knob(name.upper()) if decision else None
    return knob.name if knob else repr(decision.value) if decision else ""


def _channels_last(graph: Graph, name: str, node_id: int, names: dict[int, str]) -> list[str]:
    """Renames image and weight to themselves with channels last: no copy for what another convolution made so."""
    image, weight = graph[node_id].inputs[:2]
    form = "channels_last" if len(graph[image].shape) == 4 else "channels_last_3d"
    turned = f"{{}}.to(memory_format=torch.{form})"
    given, kept, lines = names[weight], f"{name}_weight{weight}", []
    if graph[weight].op == "state":
        lines = [
            f"{kept} = self._egg_kept({kept!r}, {given})",
            f"if {kept} is None:",
            f"    {kept} = {turned.format(given)}",
            f"    self._egg_keep({kept!r}, {kept}, {given})",
        ]
    names[weight] = kept if lines else turned.format(given)
    names[image] = turned.format(names[image])
    return lines
