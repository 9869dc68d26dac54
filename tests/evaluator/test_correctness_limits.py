"""Limits against float64: honest float32 passes, less exact arithmetic is told apart, faults are found."""

from __future__ import annotations

import pytest
import torch
from evaluator_samples import NORM_SOFTMAX
from hypothesis import given, settings
from hypothesis import strategies as st

from egg_search.core.problem import Problem
from egg_search.core.verdict import Outcome, PrecisionClass
from evaluator.correctness.checks import ExactCheck, make_check
from evaluator.correctness.double import run_in_double, widened
from evaluator.correctness.families import FAMILIES, transform
from evaluator.correctness.limits import rows_of
from evaluator.correctness.moves import has_constant_rows, moved_copies, perturbed, perturbed_rows
from evaluator.correctness.reference import Reference, _tf32

MATMUL = """
import torch
import torch.nn as nn
def get_inputs():
    return [torch.randn(64, 512), torch.randn(512, 96)]
def get_init_inputs():
    return []
class Model(nn.Module):
    def forward(self, a, b):
        return a @ b
"""

DIAGONAL = MATMUL.replace("a @ b", "torch.diag(a) @ b").replace("torch.randn(64, 512)", "torch.randn(512)")


@pytest.fixture(scope="module")
def matmul():
    return Reference(Problem("matmul", MATMUL), seed=5)


def _rounded(tensor, bits):
    """`tensor` with its significand rounded to `bits` bits, as tensor cores read their operands."""
    mantissa, exponent = torch.frexp(tensor)
    return torch.ldexp(torch.round(mantissa * 2**bits) / 2**bits, exponent)


@pytest.mark.parametrize(("bits", "expected"), [(24, "faithful"), (11, "tf32"), (8, "half"), (5, "loose")])
@pytest.mark.parametrize("family", [None, "large", "cancellation", "one row x100"])
def test_operand_precision_is_recognised(matmul, bits, expected, family):
    case = matmul.case(11, family)
    a, b = (_rounded(each, bits) for each in case.arguments)
    [finding] = case.check([a @ b])
    assert finding.errors.precision == expected, finding


def test_blocked_summation_is_faithful(matmul):
    for family in (None, *FAMILIES):
        case = matmul.case(3, family)
        if case is not None and family not in ("nan", "infinite"):
            a, b = case.arguments
            blocks = sum(x @ y for x, y in zip(a.split(32, 1), b.split(32, 0), strict=True))
            [finding] = case.check([blocks])
            assert finding.errors.precision is PrecisionClass.FAITHFUL, (family, finding)


def test_two_pass_layer_norm_is_faithful_everywhere():
    reference = Reference(Problem("norm_softmax", NORM_SOFTMAX), seed=1)
    weight, bias = reference.state["norm.weight"], reference.state["norm.bias"]
    for family in (None, *FAMILIES):
        case = reference.case(2, family)
        [x] = case.arguments
        centred = x - x.mean(-1, keepdim=True)
        normal = centred * (centred.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * weight + bias
        e = (normal - normal.amax(-1, keepdim=True)).exp()
        [finding] = case.check([e / e.sum(-1, keepdim=True)])
        assert finding.outcome is None and finding.errors.precision is PrecisionClass.FAITHFUL, (family, finding)


ATTENTION = """
import torch
class Model(torch.nn.Module):
    def forward(self, q, k, v):
        return torch.softmax(q @ k.mT * 0.125, -1) @ v
def get_inputs():
    return [torch.randn(2, 256, 64) for _ in range(3)]
def get_init_inputs():
    return []
"""


def _of_pieces(a, b):
    """A product of two pieces of eleven bits a factor, without the smallest."""
    (high, rest), (other, left) = ((_rounded(x, 11), _rounded(x - _rounded(x, 11), 11)) for x in (a, b))
    return (rest @ other + high @ left) + high @ other


def test_products_of_pieces_are_faithful_where_rows_are_constant():
    """All elements of a row round alike, and what pieces drop adds up; so may what eager rounds."""
    case = Reference(Problem("attention", ATTENTION), seed=3).case(4, "constant rows")
    q, k, v = case.arguments
    expected = {_of_pieces: "faithful", lambda a, b: _rounded(a, 11) @ _rounded(b, 11): "tf32"}
    for product, precision in expected.items():
        [finding] = case.check([product(torch.softmax(product(q, k.mT) * 0.125, -1), v)])
        assert finding.errors.precision == precision, finding


def test_constant_rows_move_as_a_whole_among_others_that_do_not():
    x = torch.randn(3, 64)
    x[1], x[2] = 0.75, 0.0
    moves = (perturbed_rows(x, torch.Generator().manual_seed(0)).double() / x.double() - 1) * 2.0**24
    assert has_constant_rows(x) and not has_constant_rows(x[:1]) and not has_constant_rows(x[2:])
    assert moves[0].unique().round().tolist() == [-1, 1] and len(moves[1].unique()) == 1


CONSTANT_PLANES = """
import torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = (torch.nn.Conv2d(8, 8, 3, padding=1, bias=False) for _ in range(2))
        self.norm, self.last = torch.nn.BatchNorm2d(8), torch.nn.BatchNorm2d(8)
        torch.nn.init.normal_(self.norm.bias)
    def forward(self, x):
        return self.last(self.second(self.norm(self.first(x))) * 1e3)
def get_inputs():
    return [torch.randn(4, 8, 32, 32)]
def get_init_inputs():
    return []
"""


def test_inputs_of_which_nothing_is_left_tell_right_from_wrong_only():
    """A norm of planes that are the same number but at their edges: what is left of the number is rounding."""
    reference = Reference(Problem("planes", CONSTANT_PLANES), seed=3)
    for family in (None, "zeros", "denormal"):
        [check] = reference.case(4, family).checks
        truth = check.truth.float()
        one, far = (truth.abs().amax(1, keepdim=True) * error for error in (2e-4, 0.5))
        found = [check((truth + error).reshape(check.shape)) for error in (one, far)]
        assert found[0].errors.precision == ("faithful" if family else "tf32")
        assert found[1].outcome is Outcome.WRONG_VALUES


SUMS = """
import torch
class Model(torch.nn.Module):
    def forward(self, a, b):
        return (a - b).sum(1, keepdim=True).expand(-1, 16)
def get_inputs():
    a = torch.randn(4096, 1).expand(4096, 64).contiguous()
    return [a, a * (1 + 2**-9)]
def get_init_inputs():
    return []
"""


def test_few_rows_stay_where_they_are_by_chance():
    """Two constant rows that move to the same side leave their difference as it was: half of all rows, in one move."""
    case = Reference(Problem("sums", SUMS), seed=3).case(4)
    [check] = case.checks
    limits = check.limits.rows[PrecisionClass.FAITHFUL] / case.arguments[0].abs()[:, :1]
    assert (limits < limits.max() / 2).float().mean() < 0.15


@given(row=st.integers(0, 63), column=st.integers(0, 95), factor=st.sampled_from([0.0, -1.0, 1.1, float("nan")]))
@settings(max_examples=25, deadline=None)
def test_one_wrong_element_is_found_and_named(row, column, factor):
    eager = torch.ones(64, 96) + torch.arange(96) / 96
    check = make_check(eager, eager.double(), [eager.double() * (1 + 2**-24)])
    wrong = eager.clone()
    wrong[row, column] *= factor
    finding = check(wrong)
    assert finding.outcome is Outcome.WRONG_VALUES and f"element ({row}, {column})" in finding.reason


def test_integers_may_break_ties_as_truth_does():
    eager, truth = torch.tensor([1, 2, 3]), torch.tensor([1, 2, 4])
    check = make_check(eager, truth, [truth])
    assert isinstance(check, ExactCheck)
    assert check(torch.tensor([1, 2, 3])).outcome is None and check(torch.tensor([1, 2, 4])).outcome is None
    assert "element [2] is 5, expected 3" in check(torch.tensor([1, 2, 5])).reason


def test_non_finite_positions_must_match():
    eager = torch.ones(4, 32)
    eager[1, 5], eager[2, 7] = float("nan"), float("inf")
    truth = eager.double()
    check = make_check(eager, truth, [truth], kinds_matter=False)
    assert check(eager.clone()).outcome is None
    moved = eager.clone()
    moved[1, 5], moved[1, 6] = 1.0, float("nan")
    assert "(1, 5) is 1, eager gives nan" in check(moved).reason
    swapped = eager.clone()
    swapped[2, 7] = float("nan")
    assert check(swapped).flags and check(swapped).outcome is None
    assert "(2, 7) is nan, eager gives inf" in make_check(eager, truth, [truth])(swapped).reason


def test_nan_may_stay_where_it_has_no_influence():
    """A diagonal product as a row scaling: eager spreads NaN through products with zero."""
    diagonal = Reference(Problem("diagonal", DIAGONAL), seed=5)
    case = diagonal.case(9, "nan")
    d, b = case.arguments
    assert case.check([torch.diag(d) @ b])[0].outcome is None
    assert case.check([d[:, None] * b])[0].outcome is None
    assert case.check([(d[:, None] * b).nan_to_num(0.0)])[0].outcome is Outcome.WRONG_VALUES
    assert case.check([d[:, None] * b * 1.2])[0].outcome is Outcome.WRONG_VALUES


def test_named_and_default_types_run_in_double():
    class Stubborn(torch.nn.Module):
        def forward(self, x):
            return x.float() * torch.full((3,), 0.1, dtype=torch.float32) + torch.ones(3) / 3

    x = torch.rand(3, dtype=torch.float64)
    model = widened(Stubborn())
    assert torch.equal(run_in_double(lambda: model(x)), x * 0.1 + torch.ones(3, dtype=torch.float64) / 3)
    assert torch.get_default_dtype() is torch.float32


def test_families_keep_form_and_structural_zeros():
    lower = torch.tril(torch.rand(9, 9) + 1).t()
    for name in FAMILIES:
        [changed, index] = transform(name, [lower, torch.arange(3)], seed=0)
        assert changed.shape == lower.shape and changed.stride() == lower.stride() and changed.dtype == lower.dtype
        assert (changed[lower == 0] == 0).all() and torch.equal(index, torch.arange(3))


def test_families_leave_masks_and_labels_alone_and_symmetry():
    """An honest kernel may compare a mask with zero, or read half of a symmetric matrix."""
    values, mask = torch.rand(5, 9), (torch.rand(5, 9) > 0.3).float()
    labels, half = 2 * mask - 1, torch.rand(6, 6)
    for name in FAMILIES:
        _, same, too, symmetric = transform(name, [values, mask, labels, half + half.t()], seed=0)
        assert torch.equal(same, mask) and torch.equal(too, labels)
        assert torch.allclose(symmetric, symmetric.t(), equal_nan=True)
    assert not torch.equal(transform("large", [labels], seed=0)[0], labels), "there is nothing else to change"


@given(st.lists(st.integers(1, 20), max_size=4))
@settings(deadline=None)
def test_rows_hold_everything(shape):
    rows = rows_of(torch.zeros(shape))
    assert rows.numel() == torch.zeros(shape).numel() and (rows.shape[1] >= 16 or rows.shape[0] == 1)


def test_moves_of_parameters_are_in_both_directions_and_of_one_roundoff():
    values = torch.linspace(1, 2, 64, dtype=torch.float64)
    moves = (perturbed(values, torch.Generator().manual_seed(0)) / values - 1) * 2.0**24
    assert sorted(set(moves.round(decimals=6).tolist())) == [-1.0, 1.0]


def test_moves_of_scale_and_shift_do_not_cancel_in_every_copy():
    model = torch.nn.LayerNorm(64).double()
    torch.nn.init.constant_(model.bias, -1.0)  # scale + shift is 0: equal moves of both leave it there
    sums = torch.stack([(each.weight + each.bias).abs() for each in moved_copies(model, seed=0)])
    assert (sums.amax(0) > 2.0**-24).all()


def _behind_a_relu():
    """What comes into a ReLU, in float64, and the check of what comes out. Ten rows are cut off as a whole, each with
    one element just below zero: nothing of the result tells how large they were."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(64, 96, generator=generator, dtype=torch.float64)
    x[:10] = -x[:10].abs() - 0.1
    x[:10, 7] = -1e-9
    signs = torch.randint(0, 2, x.shape, generator=generator) * 2 - 1
    moved = [(x * (1 + each * 2.0**-24)).relu() for each in (signs, -signs)]
    return x, make_check(x.float().relu(), x.relu(), moved)


@pytest.mark.parametrize(("error", "expected"), [(1e-7, "faithful"), (4e-4, "tf32"), (4e-3, "half")])
def test_rows_that_a_relu_cut_off_take_the_precision_of_others(error, expected):
    x, check = _behind_a_relu()
    finding = check((x + error).relu().float())
    assert finding.outcome is None and finding.errors.precision == expected, finding


def test_a_fault_in_a_row_that_was_cut_off_is_seen():
    x, check = _behind_a_relu()
    result = x.relu().float()
    result[3, 5] = 0.2
    assert check(result).outcome is Outcome.WRONG_VALUES


_SHARP = """
import torch
from torch import nn
class Model(nn.Module):
    def forward(self, x):
        if torch.backends.cuda.matmul.allow_tf32:
            x = x + 2.0**-8 * x.abs() * torch.sin(1e4 * x)
        return torch.softmax(3000 * x, -1)
def get_inputs():
    return [torch.randn(512, 64)]
def get_init_inputs():
    return []
"""


def test_eager_with_tf32_is_of_class_tf32_however_sharp_the_model(monkeypatch):
    outcomes = {}
    for known in (False, True):
        monkeypatch.setattr(Reference, "_has_tf32", known)
        reference = Reference(Problem("sharp", _SHARP), seed=1)
        case = reference.case(3)
        assert not torch.backends.cuda.matmul.allow_tf32
        strict = reference.eager(case.arguments).outputs
        with _tf32():
            coarse = reference.eager(case.arguments).outputs
        assert case.check(strict)[0].errors.precision is PrecisionClass.FAITHFUL
        outcomes[known] = case.check(coarse)[0].outcome, case.check(coarse)[0].errors.precision
        far = [s + 50 * (c - s) for s, c in zip(strict, coarse, strict=True)]
        assert case.check(far)[0].outcome is Outcome.WRONG_VALUES
    assert outcomes[False][0] is Outcome.WRONG_VALUES
    assert outcomes[True] == (None, PrecisionClass.TF32)
    for family in FAMILIES.keys() - {"infinite"}:  # of which the sine makes NaN
        if case := reference.case(3, family):
            with _tf32():
                coarse = reference.eager(case.arguments).outputs
            assert case.check(coarse)[0].outcome is None, (family, case.check(coarse)[0].reason)


@pytest.mark.parametrize(
    ("hit", "size", "expected"),
    [((7, 9), 1.0, "tf32"), ((7, 9), 3.0, "tf32"), ((7, 9), 8.0, "loose"), ((7, 9, 11), 1.0, "loose"), ((), 0, "tf32")],
)
def test_rows_that_tf32_misses_by_chance_may_be_others_but_no_more_and_no_worse(hit, size, expected):
    generator = torch.Generator().manual_seed(3)
    truth = torch.randn(256, 512, generator=generator, dtype=torch.float64)
    noise = 2.0**-12 * torch.randn(truth.shape, generator=generator, dtype=torch.float64)
    coarse, candidate = truth + noise, truth - noise
    coarse[3, 5] += 0.5
    coarse[4, 6] += 0.4
    for row in hit:
        candidate[row, 1] += size * 0.4 * truth[row].abs().amax() / truth.abs().amax()
    check = make_check(truth.float(), truth, [truth, truth], coarse=coarse.float())
    assert check(candidate.float()).errors.precision == expected


def test_rows_that_cancel_to_zero_excuse_no_others():
    generator = torch.Generator().manual_seed(3)
    truth = torch.randn(4096, 64, generator=generator, dtype=torch.float64)
    truth[:64], truth[64:128] = 0.0, 1e-4 * truth[64:128]
    coarse, candidate = truth.clone(), truth.clone()
    coarse[:64] += 1e-5
    candidate[64:128] *= -1
    check = make_check(truth.float(), truth, [truth, truth], coarse=coarse.float())
    assert check(candidate.float()).errors.precision not in ("faithful", "tf32")


def test_full_memory_is_no_lack_of_a_truth(monkeypatch):
    reference = Reference(Problem("matmul", MATMUL), seed=5)

    def full(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(reference._double, "forward", full)
    with pytest.raises(torch.OutOfMemoryError):
        reference.case(1)
    assert reference.exact
