"""From a module to an ATen graph: torch.export, else torch.fx under functionalisation."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.utils._pytree as pytree
from torch.export.graph_signature import InputKind, OutputKind

from operators.authors.expert.capture.recurrent import shapes_at_once
from operators.authors.expert.capture.registry import LOWERINGS

# Whole calls that torch has one good kernel for: decomposing them would only scatter it.
_WHOLE = (
    "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell grid_sampler cdist _cdist_forward sort topk argsort median kthvalue "
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d upsample_bilinear2d upsample_bicubic2d "
    "upsample_trilinear3d multi_margin_loss multilabel_margin_loss ctc_loss nonzero unique bincount _embedding_bag "
    "embedding_bag cummax cummin logcumsumexp fmax fmin hypot dropout native_dropout "
    "scatter scatter_add index_add index_put reflection_pad1d reflection_pad2d reflection_pad3d "
    "replication_pad1d replication_pad2d replication_pad3d pad"
).split()


class CaptureError(Exception):
    """A model that cannot be read as one graph of static shapes; the message is one line."""


@dataclass(frozen=True)
class Source:
    """Where a placeholder's value comes from: `kind` is input, state, literal or unused."""

    kind: str
    name: str = ""
    position: int = -1
    path: tuple[int | str, ...] = ()
    literal: torch.Tensor | None = None


@dataclass(frozen=True)
class AtenGraph:
    """A functional ATen graph, its placeholders' sources by name and what each of its results is for.

    `results` has one entry a result: what it overwrites (see `Graph.mutations`), "" when it is to be dropped, or None
    for an output of the model; `spec` is the pytree of the outputs.
    """

    graph: torch.fx.Graph
    sources: dict[str, Source]
    results: tuple[str | tuple[int | str, ...] | None, ...]
    spec: pytree.TreeSpec


def exported(model: torch.nn.Module, inputs: Sequence[Any]) -> AtenGraph:
    """torch.export of `model` on `inputs`, lowered to the ops that have lowerings and to core ATen for the rest."""
    with torch.no_grad(), warnings.catch_warnings(), shapes_at_once():
        warnings.simplefilter("ignore")
        program = torch.export.export(model, tuple(inputs), strict=False)
        program = program.run_decompositions(_decompositions(_writes_unseen(program.graph)))
    signature, places = program.graph_signature, iter(_places(inputs))
    sources = {}
    for spec in signature.input_specs:
        name = spec.arg.name
        if spec.kind == InputKind.USER_INPUT:
            position, *path = next(places)
            sources[name] = Source("input", position=position, path=tuple(path))
        elif spec.kind == InputKind.CONSTANT_TENSOR and not _reachable(model, spec.target):
            sources[name] = Source("literal", literal=program.constants[spec.target])
        else:
            sources[name] = Source("state", name=spec.target)
    results = []
    for spec in signature.output_specs:
        if spec.kind == OutputKind.USER_INPUT_MUTATION:
            results.append((sources[spec.target].position, *sources[spec.target].path))
        else:
            results.append(None if spec.kind == OutputKind.USER_OUTPUT else spec.target)
    return AtenGraph(program.graph, sources, tuple(results), program.call_spec.out_spec)


def traced(model: torch.nn.Module, inputs: Sequence[Any]) -> AtenGraph:
    """torch.fx on fake tensors: reads models that torch.export's checks refuse. Nothing is specialised on values."""
    from torch.fx.experimental.proxy_tensor import make_fx

    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    names, spec = list(state), None
    model = copy.deepcopy(model)  # tracing leaves fake tensors behind

    leaves, in_spec = pytree.tree_flatten(tuple(inputs))
    tensors = [x for x in leaves if isinstance(x, torch.Tensor)]

    def call(state_values: list, tensors: list) -> tuple:
        nonlocal spec
        rest = iter(tensors)
        arguments = [next(rest) if isinstance(x, torch.Tensor) else x for x in leaves]
        arguments = pytree.tree_unflatten(arguments, in_spec)
        output = torch.func.functional_call(model, dict(zip(names, state_values, strict=True)), arguments)
        results, spec = pytree.tree_flatten(output)
        return (*state_values, *results)

    with torch.no_grad(), shapes_at_once():
        functional = torch.func.functionalize(call, remove="mutations_and_views")
        module = make_fx(functional, decomposition_table=_decompositions(), tracing_mode="fake")(
            list(state.values()), tensors
        )
    placeholders = [node for node in module.graph.nodes if node.op == "placeholder"]
    places = [place for place, x in zip(_places(inputs), leaves, strict=True) if isinstance(x, torch.Tensor)]
    sources = {node.name: Source("state", name=name) for node, name in zip(placeholders, names, strict=False)}
    for node, (position, *path) in zip(placeholders[len(names) :], places, strict=True):
        sources[node.name] = Source("input", position=position, path=tuple(path))
    for node in module.graph.nodes:
        if node.op == "get_attr":
            sources[node.name] = Source("literal", literal=getattr(module, node.target))
    if any(node.target == torch.ops.aten.native_batch_norm.default and node.args[5] for node in module.graph.nodes):
        raise CaptureError("torch.export fails, and torch.fx does not see batch norm update its running statistics")
    _drop_copies(module.graph, placeholders[: len(names)])
    results = _results(module.graph, placeholders[: len(names)], names)
    return AtenGraph(module.graph, sources, results, spec)


def _drop_copies(graph: torch.fx.Graph, state: Sequence) -> None:
    """functionalize ends by copying new values into changed state; those are among the results already."""
    for node in list(graph.nodes):
        if node.target == torch.ops.aten.copy_.default and node.args[0].op == "placeholder":
            if node.args[0] not in state:
                raise CaptureError("torch.export fails, and torch.fx cannot write into forward's arguments")
            node.replace_all_uses_with(node.args[1])
            graph.erase_node(node)


def _results(graph: torch.fx.Graph, placeholders: Sequence, names: Sequence[str]) -> tuple[str | None, ...]:
    """Marks state that comes back as it went in with an empty name, to be dropped."""
    (output,) = [node for node in graph.nodes if node.op == "output"]
    values = output.args[0]
    state = ["" if value is old else name for value, old, name in zip(values, placeholders, names, strict=False)]
    return (*state, *[None] * (len(values) - len(names)))


def _writes_unseen(graph: torch.fx.Graph) -> frozenset[str]:
    """Names of ops that must be opened: instance norm updates running statistics without its schema saying so."""
    norms = [node for node in graph.nodes if node.target == torch.ops.aten.instance_norm.default]
    return frozenset(["instance_norm"] if any(node.args[3] is not None for node in norms) else [])


def _decompositions(opened: frozenset[str] = frozenset()) -> dict:
    """torch's decompositions of every op that is neither lowered nor kept whole, and of those `opened`."""
    table = torch.export.default_decompositions()
    for op in list(table.keys()):
        name = op.name().removeprefix("aten::")
        base, _, overload = name.partition(".")
        if base not in opened and (f"{base}.{overload or 'default'}" in LOWERINGS or base in _WHOLE):
            del table[op]
    return table


def _places(inputs: Sequence[Any]) -> list[tuple[int | str, ...]]:
    """The keys that lead to every leaf of the inputs, forward's argument position first."""
    leaves, _ = pytree.tree_flatten_with_path(list(inputs))
    places = [tuple(getattr(key, "idx", getattr(key, "key", None)) for key in path) for path, _ in leaves]
    if any(not isinstance(key, (int, str)) for place in places for key in place):
        raise CaptureError("an argument of forward is neither tensor, number, list, tuple nor dict")
    return places


def form(spec: pytree.TreeSpec, leaves: Sequence[str]) -> str:
    """What the model returns as Python text (see `Graph.form`), from the texts of its leaves."""
    return _written(pytree.tree_unflatten(list(leaves), spec))


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    if type(value) is dict:
        return f"{{{{{', '.join(f'{braced(repr(key))}: {_written(each)}' for key, each in value.items())}}}}}"
    if type(value) is list:
        return f"[{', '.join(map(_written, value))}]"
    if type(value) is tuple or type(value).__module__ == "torch.return_types":  # of x.max(1), for one
        kind = "" if type(value) is tuple else f"torch.return_types.{type(value).__name__}"
        items = f"({''.join(f'{_written(each)}, ' for each in value)})"
        return f"{kind}({items})" if kind else items
    raise CaptureError(f"forward returns a {type(value).__name__}, which is no tensor, tuple, list or dict")


def braced(text: str) -> str:
    """`text` as `str.format` leaves it."""
    return text.replace("{", "{{").replace("}", "}}")


def _reachable(model: torch.nn.Module, name: str) -> bool:
    """Whether a lifted constant is an attribute of the module, so that the candidate has it too."""
    value: Any = model
    for part in name.split("."):
        value = getattr(value, part, None)
    return isinstance(value, torch.Tensor)
