from collections import defaultdict

import pytest
import torch
from capture_cases import FUNCTIONS, STAYS, Function

from operators.authors.expert.capture import capture
from operators.authors.expert.ir.interpret import interpret
from operators.authors.expert.rewrites import options, rewrite

_BATCH = 12  # functions captured together, for speed


def _batches():
    families = defaultdict(list)
    for name in FUNCTIONS:
        families[name.split("-")[0], name in STAYS].append(name)
    return [names[i : i + _BATCH] for names in families.values() for i in range(0, len(names), _BATCH)]


def _results(name, x):
    x = x[..., :4] if name == "activation-glu" else x
    result = FUNCTIONS[name](x)
    return list(result) if isinstance(result, (tuple, list)) else [result]


@pytest.mark.parametrize("names", _batches(), ids=lambda names: f"{names[0]}..{names[-1].split('-')[1]}")
def test_functions(names):
    torch.manual_seed(0)
    model = Function(lambda x: tuple(t for name in names for t in _results(name, x)))
    graph = capture(model, [torch.randn(2, 3, 4, 5)])
    if names[0] not in STAYS:
        assert {n.attrs["target"] for n in graph.nodes if n.op == "library"} <= {"torch.clone"}  # of an expanded x
    x = torch.randn(2, 3, 4, 5)  # nothing of the captured values may have stuck
    for each in (graph, rewrite(graph, options(graph))):
        values = dict(zip(each.results, interpret(each, [x], {}), strict=True))
        got = iter([values[i] for i in each.outputs])
        for name in names:
            for want in _results(name, x):
                torch.testing.assert_close(
                    next(got), want, equal_nan=True, rtol=2e-5, atol=2e-5, msg=lambda m, name=name: f"{name}: {m}"
                )
