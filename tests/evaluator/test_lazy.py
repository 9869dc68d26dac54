"""Outputs that put off what eager has done."""

from __future__ import annotations

import torch

from evaluator.lazy import put_off, shares

ROWS = torch.zeros(300, 400)
OWN, BORROWED = (False,), (True,)


def test_a_view_of_an_argument_that_eager_does_not_return_costs_a_copy():
    for view in (ROWS, ROWS.t(), ROWS[:, ::2]):
        assert put_off([view], BORROWED, OWN) > 0
        assert put_off([view], BORROWED, BORROWED) == 0, "eager does it, too"


def test_elements_that_share_a_place_cost_a_copy():
    for view in (ROWS[:, :1].expand(300, 400), ROWS.view(-1).as_strided((300, 400), (1, 1))):
        assert put_off([view], OWN, OWN) > 0
        assert put_off([view], OWN, shares([view], [])) == 0, "eager does it, too"


def test_memory_of_its_own_may_be_in_any_order():
    for output in (ROWS, ROWS.t(), ROWS[:, ::2], ROWS[0, 0], torch.empty(0, 4), torch.empty(2, 3, 4, 5).mT):
        assert put_off([output], OWN, OWN) == 0
    channels_last = torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert put_off([channels_last], OWN, OWN) == 0
    assert put_off([channels_last], (), OWN) == 0, "a device that cannot see it"


def test_what_lies_in_an_argument():
    other = torch.zeros(3)
    assert shares([ROWS[3], other, other[:1].expand(5)], [ROWS]) == (True, False, True)


def test_what_is_no_strided_tensor_lies_nowhere():
    sparse, nothing = torch.eye(3).to_sparse(), torch.empty(0)
    assert shares([sparse, nothing, torch.empty(0, 3)], [sparse, nothing]) == (False, False, False)
