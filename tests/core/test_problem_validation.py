"""What makes a problem unfit is an error with one line; what a search cannot see is a warning."""

import pytest

from egg_search.core.errors import UserError
from egg_search.core.problem.validation import validate

FORWARD = """
class Model(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
    def forward(self, x):
        return {}
"""


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("def get_inputs(): return 1 / 0\n", "get_inputs fails: ZeroDivisionError: division by zero"),
        ("def get_inputs(): pass\n", "get_inputs returns nothing; return a list of arguments"),
        ("def get_inputs(): return []\n", "get_inputs returns nothing; return a list of forward's arguments"),
        ("def get_inputs(): return torch.ones(3)\n", "get_inputs returns a Tensor; return a list of arguments"),
        ("def get_init_inputs(): return dim\n", "get_init_inputs returns a int; return a list or a dict"),
        ("def get_init_inputs(): return [dim]\n", "Model(...) fails on what get_init_inputs returns: TypeError"),
        ("def get_inputs(): return [torch.randn(batch, 3)]\n", "Model.forward fails on what get_inputs returns"),
        ("def get_inputs(): return [torch.zeros(3), 2]\n", "Model.forward fails on what get_inputs returns: TypeError"),
        ("class Model:\n    def __init__(self, *a): pass\n", "Model is no nn.Module"),
        ("Model = 3\n", "no Model at module level"),
        ("raise SystemExit\n", "the file fails when it is imported: SystemExit"),
        (FORWARD.format("F.dropout(x)"), "Model is not deterministic"),
        (FORWARD.format("x + torch.randn_like(x)"), "Model is not deterministic"),
        (FORWARD.format("x.sum().item()"), "Model.forward returns no tensor"),
        (FORWARD.format("None"), "Model.forward returns no tensor"),
        (FORWARD.format("x.to_sparse()"), "returns a sparse_coo tensor; return dense real tensors"),
        (FORWARD.format("x + 1j"), "returns a complex64 tensor"),
        ("import random\ndef get_inputs(): return [torch.randn(batch, dim) * random.random()]\n", "for the same seed"),
        ("w = torch.randn(dim)\n" + FORWARD.format("x * w"), "Model is not deterministic"),
    ],
)
def test_unfit_problems(problem, more, message):
    with pytest.raises(UserError) as error:
        validate(problem(more))
    assert message in str(error.value)
    assert str(error.value).startswith("mine.py: ")
    assert "\n" not in str(error.value)


def test_an_error_names_the_line_in_the_problem(problem):
    more = "def get_inputs():\n    x = torch.ones(2)\n    return [x @ torch.ones(3, 3)]\n"
    line = (problem(more).source).splitlines().index("    return [x @ torch.ones(3, 3)]") + 1
    with pytest.raises(UserError, match=rf"mine.py: line {line}: get_inputs fails: RuntimeError"):
        validate(problem(more))


@pytest.mark.parametrize(
    ("forward", "warning"),
    [
        ("x * 0", "output 0 is constant (0 everywhere)"),
        ("(x, torch.linspace(0, 1, 9))", "output 1 does not depend on the inputs"),
        ("x / 0", "output 0 has values that are not finite"),
        ("x[:, :1].softmax(-1)", "output 0 is constant (1 everywhere)"),
    ],
)
def test_degenerate_outputs_are_warned_of(problem, forward, warning):
    assert any(warning in each for each in validate(problem(FORWARD.format(forward))))


def test_inputs_that_ignore_the_seed_are_warned_of(problem):
    (warning,) = validate(problem("def get_inputs(): return [torch.linspace(0, 1, dim).expand(batch, dim)]\n"))
    assert "same values for every seed" in warning


@pytest.mark.parametrize("forward", ["x.argmax(-1)", "x > 0", "x.sum()", "x.masked_fill(x > 1, float('-inf')).exp()"])
def test_integer_boolean_and_scalar_outputs_are_fit(problem, forward):
    assert validate(problem(FORWARD.format(forward))) == []


def test_training_statistics_are_no_fault(problem):
    more = FORWARD.replace("super().__init__()", "super().__init__(); self.norm = nn.BatchNorm1d(dim)")
    assert validate(problem(more.format("self.norm(x)"))) == []
