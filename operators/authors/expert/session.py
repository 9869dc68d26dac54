"""One problem as the expert sees it in one dialect: its graph, its example arguments, and plans made into text."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from torch._subclasses.fake_tensor import FakeTensorMode

from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.core.problem.loading import LoadedProblem
from operators.authors.expert.capture import CaptureError, capture
from operators.authors.expert.emit.dialect import EmitDialect
from operators.authors.expert.emit.module import Example, module_text
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.library.calls import contracts
from operators.authors.expert.plan import Plan
from operators.authors.expert.rewrites import rewrite
from operators.base import AuthorError, Brief, Writing

_EXAMPLE_SEED = 0  # shapes and constants are what counts; values are not looked at


@dataclass(frozen=True)
class Reading:
    """A problem's graph, the arguments that it was captured with, and its model's mode."""

    graph: Graph
    arguments: list
    training: bool


class Session:
    """The expert's working state for (problem, dialect, hardware). Captures the graph on first use, or has it from its
    `twin`: the same in another dialect."""

    def __init__(self, problem: Problem, dialect: EmitDialect, hardware: Hardware, twin: Session | None = None) -> None:
        self.problem = problem
        self.dialect = dialect
        self.hardware = hardware
        self._twin = twin
        self._rewritten: dict[tuple[str, ...], Graph] = twin._rewritten if twin else {}

    @cached_property
    def _loaded(self) -> LoadedProblem:
        return self._twin._loaded if self._twin else self.problem.load()

    @property
    def arguments(self) -> list:
        return self._read.arguments

    @property
    def captured(self) -> Graph:
        """The problem's graph as captured. Raises AuthorError when neither torch.export nor fx can read it."""
        return self._read.graph

    @cached_property
    def _read(self) -> Reading:
        """On tensors that have shapes and no values, for a GPU's problems are large; where the problem's code wants
        values, on real ones."""
        if self._twin:
            return self._twin._read
        if self.hardware.kind != "cpu":
            with suppress(Exception), FakeTensorMode(allow_non_fake_inputs=True):
                return self._reading()
        try:
            return self._reading()
        except CaptureError as error:
            raise AuthorError(f"the expert cannot read the model of {self.problem.name}: {error}") from error

    def _reading(self) -> Reading:
        model, arguments = self._loaded.make_model(_EXAMPLE_SEED), self._loaded.make_inputs(_EXAMPLE_SEED)
        return Reading(capture(model, arguments), arguments, model.training)

    def graph(self, rewrites: tuple[str, ...]) -> Graph:
        """The captured graph after these rewrites; node ids in plans refer to it."""
        if rewrites not in self._rewritten:
            self._rewritten[rewrites] = rewrite(self.captured, rewrites)
        return self._rewritten[rewrites]

    def text(self, plan: Plan, title: str) -> str:
        """The candidate that carries out `plan`."""
        return module_text(
            self.problem.effective_source,
            title,
            plan,
            self.graph(plan.rewrites),
            self.dialect,
            self.hardware,
            Example(self.arguments, self._loaded.init_inputs(_EXAMPLE_SEED), self._read.training, self._strict),
        )

    @cached_property
    def _strict(self) -> bool:
        """On GPUs PyTorch ships with TF32 on for convolutions and recurrent layers, and off for products."""
        graph = self.captured
        shipped = (node.id for node in graph.nodes if node.op != "dot" and contracts(graph, node.id))
        return self.hardware.kind != "cpu" and any(shipped)

    def writings(self, plans: Iterable[tuple[Plan, str, tuple[str, ...]]], brief: Brief) -> list[Writing]:
        """The first `brief.limit` different sources among (plan, change, principles)."""
        found: dict[str, Writing] = {}
        for plan, change, principles in plans:
            source = self.text(plan, change)
            body = source.replace(f"# ---- {change}\n", "")
            if brief.parent is None or source != brief.parent.source:
                found.setdefault(body, Writing(source, change, principles))
            if len(found) >= brief.limit:
                break
        return list(found.values())
