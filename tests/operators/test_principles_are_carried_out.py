"""Whatever bundled principles set or open exists: in every kind of kernel that they speak of, with those values."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import pytest
from small_sessions import small_session

import principles
from egg_search.core.hardware import Hardware
from operators.authors.expert.cpp.dialect import CppDialect
from operators.authors.expert.cuda.dialect import CudaDialect
from operators.authors.expert.rewrites import OPTIONAL
from operators.authors.expert.structures.designer import Designer
from operators.authors.expert.structures.launch import GRAPH
from operators.authors.expert.structures.seeds import FUSIONS
from operators.authors.expert.triton.dialect import TritonDialect
from principles import report

MACHINES = {
    CppDialect: Hardware("cpu", "any", 8, 64, 48 << 10, 1 << 20, 32 << 20, 1 << 34),
    TritonDialect: Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536, capability=90),
    CudaDialect: Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536, capability=90),
}
FORWARDS = {
    "softmax": ("torch.softmax(x * 0.5, -1)", "512, 1000"),
    "norm": ("torch.nn.functional.layer_norm(x, (1000,))", "64, 1000"),
    "long softmax": ("torch.softmax(x, -1)", "16, 100000"),
    "elementwise": ("torch.nn.functional.gelu(x) * torch.sigmoid(x)", "64, 4096"),
    "column sums": ("x.sum(0)", "5000, 300"),
    "turned": ("x.transpose(0, 1).contiguous() * 2", "64, 4096"),
    "scan": ("torch.cumsum(x, -1)", "64, 1000"),
    "long scan": ("torch.cumsum(x, -1)", "4, 100000"),
    "scan of columns": ("torch.cumsum(x, 0)", "500, 300"),
    "product": ("torch.relu(x @ x.transpose(0, 1) + 1)", "600, 500"),
    "large product": ("x.transpose(0, 1) @ x", "600, 2200"),
    "vector": ("x @ x.sum(0)", "600, 500"),
    "few rows": ("torch.nn.functional.linear(x[:24], x)", "600, 500"),
    "triangle": ("torch.tril(x) @ x", "256, 256"),
    "convolution": ("torch.nn.functional.conv2d(x, self.w)", "2, 8, 20, 20"),
    "depthwise": ("torch.nn.functional.conv1d(x, self.w[:, :1, 0], groups=8)", "2, 8, 400"),
    "depthwise planes": ("torch.nn.functional.conv2d(x, self.w[:, :1], groups=8)", "2, 8, 20, 20"),
    "grouped": ("torch.nn.functional.conv2d(x, torch.cat([self.w] * 32), groups=8)", "2, 64, 20, 20"),
    "wide convolution": (
        "torch.nn.functional.conv2d(x, torch.cat([torch.cat([self.w] * 9, 1)] * 16))",
        "2, 72, 20, 20",
    ),
    "attention": ("torch.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)", "2, 4, 200, 64"),
    "few queries": ("torch.nn.functional.scaled_dot_product_attention(x[:, :, :4], x, x)", "1, 4, 2048, 64"),
}
_GRAPH_ROLES = {"fusion": {f.name for f in FUSIONS}, "rewrite": set(OPTIONAL), "launch": {GRAPH}}


@cache
def offered(dialect):
    """Kind to role to the values that some kernel of the kind may take."""
    found = defaultdict(lambda: defaultdict(set))
    for name, forward in FORWARDS.items():
        session = small_session(name, *forward, MACHINES[dialect], dialect)
        graph, generators = session.captured, session.dialect.generators
        designer = Designer(generators, session.hardware)
        bases = [designer.plan(graph, (), fusion) for fusion in FUSIONS[:2]]
        for plan in (*bases, *(other for base in bases for other, _ in designer.alternatives(graph, base))):
            for kernel in plan.kernels:
                if kernel.kind not in generators:
                    continue
                for role, value in kernel.choices.items():
                    found[kernel.kind][role].add(value)
                for decision in generators[kernel.kind].schedule(graph, kernel, session.hardware).values():
                    found[kernel.kind][decision.name] |= {decision.value, *decision.choices}
    return found


@pytest.mark.parametrize("dialect", MACHINES)
def test_every_kind_of_kernel_was_seen(dialect):
    assert offered(dialect).keys() == dialect().generators.keys()


def spoken_to(principle):
    """(dialect, kind) that a principle speaks of; kinds that a dialect does not generate are other authors'."""
    for dialect in MACHINES:
        if not principle.dialects or dialect.dialect in principle.dialects:
            for kind in principle.kinds or offered(dialect):
                if kind in dialect().generators:
                    yield dialect, kind


@pytest.mark.parametrize("principle", tuple(principles.load()), ids=lambda each: each.name)
def test_a_principle_speaks_of_what_its_kinds_of_kernel_have(principle):
    for dialect, kind in spoken_to(principle):
        known = {**offered(dialect)[kind], **_GRAPH_ROLES}
        assert {role for role, value in principle.sets.items() if value not in known.get(role, ())} == set(), kind
        assert {role for role, all_ in principle.knobs.items() if not known.get(role, set()) & {*all_}} == set(), kind


def test_check_has_no_complaint():
    roles = {role for dialect in MACHINES for kind in offered(dialect).values() for role in kind}
    assert report.check((), {*roles, *_GRAPH_ROLES}) == []
