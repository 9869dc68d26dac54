"""Float32 factors in scaled 16-bit pieces: in Triton's interpreter these kernels do the arithmetic that a GPU does, but
for the order of sums. What matters is the error beside float32's, on data that cancels or is badly scaled as well."""

import pytest

pytest.importorskip("triton")

import torch
from interpreted import run
from products import case, f32

from egg_search.core.verdict import PrecisionClass
from evaluator.correctness.limits import derive_limits
from operators.authors.expert.ir.terms import Terms

M, N, K = 32, 48, 320
PIECES = {"product": "tiled", "layout": "in pieces"}
TILE = {"block_m": 32, "block_n": 16, "block_k": 64}


def product():
    t = Terms()
    return t.builder.finish([t.input(0, f32(M, K)).dot(t.input(1, f32(K, N))).id])


def normal():
    return torch.randn(M, K), torch.randn(K, N)


def cancelling():
    """The second half of the depth nearly takes the first away: results are a thousandth of the sums on the way."""
    a, b = normal()
    a[:, K // 2 :], b[K // 2 :] = a[:, : K // 2], -b[: K // 2] * (1 + 1e-3 * torch.randn(K // 2, N))
    return a, b


def neighbours():
    """Every term nearly takes the one before it away: float32 has exact products and hardly rounds their sums, while
    pieces of 22 bits have lost what remains."""
    a, b = normal()
    a[:, 1::2], b[1::2] = a[:, ::2], -b[::2] * (1 + 1e-3 * torch.randn(K // 2, N))
    return a, b


def one_sided():
    return tuple(x.abs() + 1 for x in normal())


def scaled():
    """Rows and columns near both ends of the range."""
    a, b = normal()
    rows = torch.tensor([2.0**-120, 2.0**-60, 1.0, 2.0**100]).repeat(M // 4)[:, None]
    columns = torch.tensor([2.0**20, 2.0**-60, 2.0**-1]).repeat(N // 3)
    return a * rows, b * columns


def wide():
    """Elements of a row differ by a factor of millions."""
    return tuple(x * torch.exp2(torch.randint(-20, 2, x.shape).float()) for x in normal())


DATA = {each.__name__: each for each in (normal, cancelling, neighbours, one_sided, scaled, wide)}
UNIT = 2.0**-24


def errors(found, truth):
    """In norm, every row scaled to its largest true element."""
    scale = truth.abs().amax(1, keepdim=True)
    return ((found.double() - truth) / scale).norm().item() / (truth / scale).norm().item()


def found(folder, a, b, *words):
    cases = [case(product(), (a, b), PIECES, input_precision=word, **TILE) for word in words]
    return [next(iter(each.values())) for each in run(folder, cases)]


def perturbed(x):
    return x.double() * (1 + UNIT * (2 * torch.randint(0, 2, x.shape) - 1))


def faithful(result, a, b):
    """Whether a result is of the class that a search for exact kernels accepts."""
    truth, eager = a.double() @ b.double(), (a @ b).double()
    moved = [perturbed(a) @ perturbed(b) for _ in range(2)]
    limits = derive_limits(truth, eager, moved, UNIT)
    error = (result.double() - truth).abs()
    in_rows = (error <= limits.rows[PrecisionClass.FAITHFUL]).all()
    return bool(in_rows) and error.norm() / truth.norm() <= limits.norms[PrecisionClass.FAITHFUL]


@pytest.mark.parametrize("data", DATA)
def test_pieces_are_as_exact_as_float32(tmp_path, data):
    torch.manual_seed(3)
    a, b = DATA[data]()
    truth = a.double() @ b.double()
    eager = errors(a @ b, truth)
    for word, result in zip(("fp16x3", "bf16x6"), found(tmp_path, a, b, "fp16x3", "bf16x6"), strict=True):
        assert faithful(result, a, b), (word, eager)
        assert data == "neighbours" or errors(result, truth) <= max(1.5 * eager, 1.5e-7), (word, eager)


def test_fewer_pieces_have_the_errors_that_principles_tell_of(tmp_path):
    a, b = normal()
    truth = a.double() @ b.double()
    one, two = (errors(each, truth) for each in found(tmp_path, a, b, "fp16", "bf16x3"))
    assert 1e-4 < one < 4e-4
    assert 1e-6 < two < 5e-5  # the interpreter cuts bfloat16 off, a GPU rounds it


def test_rows_of_zeros_and_of_the_smallest_numbers(tmp_path):
    torch.manual_seed(3)
    a, b = normal()
    a[3], a[4], b[:, 5] = 0.0, 2.0**-140, 0.0
    a[6] = torch.where(torch.arange(K) % 2 == 0, 3e38, 1.0)
    (result,) = found(tmp_path, a, b, "fp16x3")
    truth = a.double() @ b.double()
    assert (result[3] == 0).all() and (result[:, 5] == 0).all()
    assert result[4].abs().max() < 2.0**-120
    rest = [i for i in range(M) if i not in (3, 4, 6)]
    assert errors(result[rest], truth[rest]) < 5e-7
    finite = truth[6].abs() < 3.4e38
    sizes = a[6].double().abs() @ b.double().abs()
    assert ((result[6].double() - truth[6]).abs() <= 1e-7 * sizes)[finite].all()
    assert (result[6][truth[6].abs() > 3.41e38].isinf()).all()
