"""Sources that are no candidates are refused in one line, whatever is in them."""

from __future__ import annotations

import pytest

from egg_search.core.candidate import Candidate, CandidateError, Dialect

MODEL = "class ModelNew:\n    pass\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\n", "no module-level class ModelNew"),
        (MODEL + "x = = 1\n", "line 3: invalid syntax"),
        (MODEL + "x = '\0'\n", "null bytes"),
        (MODEL + "x = '\ud800'\n", "not a Python source"),
        (MODEL + "x = " + "-" * 200_000 + "1\n", "nested too deeply"),
        (MODEL + "x = a" + ".b" * 100_000 + "\n", "nested too deeply"),
        (MODEL + "x = " + "(" * 5_000 + ")" * 5_000 + "\n", "too many nested parentheses"),
    ],
)
def test_refused(source, reason):
    with pytest.raises(CandidateError, match=reason) as caught:
        Candidate(source, Dialect.TORCH)
    assert "\n" not in str(caught.value)
