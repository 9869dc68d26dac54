"""Phases and taps of an axis against all that a convolution's definition says."""

from collections import Counter

from hypothesis import assume, given
from hypothesis import strategies as st

from operators.authors.expert.triton.conv.geometry import Axis

SMALL = st.integers(1, 6)


@given(st.booleans(), st.integers(1, 9), SMALL, SMALL, st.integers(0, 4), SMALL, st.integers(0, 4))
def test_phases_visit_what_the_definition_says_and_nothing_between_inputs(
    t, size, kernel, stride, padding, dilation, e
):
    reach = dilation * (kernel - 1) + 1
    out = (size - 1) * stride - 2 * padding + reach + e if t else (size + 2 * padding - reach) // stride + 1
    assume(out >= 1 and (t or size + 2 * padding >= reach))
    axis = Axis(0, size, kernel, out, stride, padding, dilation, t)
    visited, inside = Counter(), range(size)
    for f in range(axis.phases):
        for y in range(axis.count):
            o = y * axis.step + f
            for u in range(axis.uses(f) if o < out else 0):
                tap, i = axis.first(f) + u * axis.every, y * axis.along + u * axis.between + axis.base(f)
                assert axis.reach[0] <= i <= axis.reach[1] and 0 <= i + axis.low < axis.padded
                assert tap in range(kernel)
                assert (
                    (i * stride - padding + tap * dilation == o) if t else (o * stride - padding + tap * dilation == i)
                )
                visited[o, tap, i] += i in inside
    if t:
        pairs = ((i * stride - padding + tap * dilation, tap, i) for i in inside for tap in range(kernel))
    else:
        pairs = ((o, tap, o * stride - padding + tap * dilation) for o in range(out) for tap in range(kernel))
    assert +visited == Counter(pair for pair in pairs if pair[0] in range(out) and pair[2] in inside)
