"""Index arithmetic against evaluation, point by point."""

from __future__ import annotations

from itertools import product
from math import prod

from hypothesis import given
from hypothesis import strategies as st

from operators.authors.expert.kernels.index import Index, aligned, linear, ranged, unravel, variable

SHAPES = st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4)


def value(index: Index, **variables: int) -> int:
    return eval(index.text.replace("/", "//"), {}, variables)


@given(shape=SHAPES, seed=st.randoms(use_true_random=False))
def test_a_reshape_reads_the_same_position(shape, seed):
    other = list(shape)
    seed.shuffle(other)
    place = [variable(f"v{i}", n) for i, n in enumerate(shape)]
    there = unravel(linear(place, shape), other)
    for point in product(*(range(n) for n in shape)):
        at = {f"v{i}": x for i, x in enumerate(point)}
        position = value(linear(place, shape), **at)
        assert value(linear(there, other), **at) == position
        coordinates = [value(i, **at) for i in there]
        assert all(0 <= c < n for c, n in zip(coordinates, other, strict=True))
        assert all(i.low <= c <= i.high for i, c in zip(there, coordinates, strict=True))


@given(shape=SHAPES)
def test_splitting_one_variable_and_joining_again_is_the_identity(shape):
    whole = variable("v", prod(shape))
    assert linear(unravel(whole, shape), shape) == whole


def test_splits_that_match_stay_affine():
    rows, columns = variable("r", 8), variable("c", 6)
    assert [i.text for i in unravel(rows * 6 + columns, (8, 6))] == ["r", "c"]
    assert [i.text for i in unravel(rows * 6 + columns, (8, 2, 3))] == ["r", "(c / 3)", "(c % 3)"]


def test_coefficients_see_through_known_ranges():
    shifted = ranged(variable("x", 10) * 2 - 1, 0, 8)
    assert (shifted * 3).coefficient("x") == 6
    assert (variable("x", 10) // 3).coefficient("x") is None


def test_an_operand_broadcasts_from_the_right():
    place = (variable("a", 3), variable("b", 4))
    assert aligned(place, (1,)) == (Index(),)
    assert aligned(place, (4,)) == (place[1],)
