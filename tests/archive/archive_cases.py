"""Verdicts for archives, and strategies that draw them."""

from hypothesis import strategies as st

from egg_search.core.step import Job
from egg_search.core.verdict import Errors, Interval, Outcome, PrecisionClass, Timing, Verdict


def verdict(speedup, norm=1e-7, precision=PrecisionClass.FAITHFUL, width=0.01, margin=0.02):
    interval = Interval(speedup, speedup * (1 - width), speedup * (1 + width))
    ms = Interval(1 / speedup, 1 / interval.high, 1 / interval.low)
    timing = Timing(ms, {"eager": 1.0}, {"eager": interval}, 20, margin)
    return Verdict(Outcome.OK, errors=Errors(norm, norm, 0.5, 1e-7, precision), timing=timing)


FAILURE = Verdict(Outcome.WRONG_VALUES, "no")

verdicts = st.one_of(
    st.just(FAILURE),
    st.builds(
        verdict,
        speedup=st.floats(0.1, 50),
        norm=st.floats(0, 1e-2),
        precision=st.sampled_from(PrecisionClass),
        width=st.floats(0, 0.3),
        margin=st.floats(0, 0.3),
    ),
)
entries = st.lists(st.tuples(st.sampled_from("abc"), verdicts), max_size=30)


def fill(archive, drawn):
    return [archive.add(Job(str(i)), signature, each) for i, (signature, each) in enumerate(drawn)]
