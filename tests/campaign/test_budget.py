import pytest
from hypothesis import given
from hypothesis import strategies as st

from egg_search.campaign import format_duration, parse_duration
from egg_search.core.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172800), ("1.5s", 1.5), ("1d2h3m4s", 93784), ("5M", 300)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 minutes", "0s", "1m2h", "5m5", "inf", "1.5h"])
def test_no_durations(text):
    with pytest.raises(UserError, match="is no duration"):
        parse_duration(text)


@given(st.integers(min_value=1, max_value=10**7))
def test_format_is_read_back(seconds):
    assert parse_duration(format_duration(seconds)) == seconds
