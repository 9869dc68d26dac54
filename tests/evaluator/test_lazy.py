"""Views that put off what eager has done."""

from __future__ import annotations

import torch

from evaluator.lazy import put_off

ROWS = torch.zeros(300, 400)


def test_a_view_that_eager_does_not_return_costs_a_copy():
    for view in (ROWS.t(), ROWS[:, :1].expand(300, 400), ROWS[:, ::2]):
        assert put_off([view], [view.contiguous().stride()]) > 0


def test_rows_one_by_one_and_what_eager_returns_cost_nothing():
    assert put_off([ROWS, ROWS[10:20], ROWS.t(), ROWS[0, 0]], [(1, 400), (1, 10), (1, 400), ()]) == 0
    assert put_off([ROWS.view(1, 300, 400).permute(2, 0, 1)], [(1, 7, 400)]) == 0, "an axis of one has any stride"
