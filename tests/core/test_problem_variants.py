"""Shape variants are found by trial, run, cost no more, and hold for a candidate that carries the constants."""

import pytest
import torch

from egg_search.core.errors import UserError
from egg_search.core.problem import Problem
from egg_search.core.problem.variants import shape_variants
from egg_search.core.problem.work import Work

MODULE = """
import torch
from torch import nn
{constants}
class Model(nn.Module):
    def __init__(self, *sizes):
        super().__init__()
        {init}
    def forward(self, x):
        return {forward}
def get_inputs():
    return [torch.randn({shape})]
def get_init_inputs():
    return [{sizes}]
"""


def make(constants, shape, forward="x * 2", init="pass", sizes=""):
    return Problem("mine", MODULE.format(constants=constants, shape=shape, forward=forward, init=init, sizes=sizes))


def test_batch_like_constants_come_first_and_parameters_stay(problem):
    variants = shape_variants(problem(batch=32, dim=64))
    assert variants == [{"batch": 19}, {"batch": 19, "dim": 39}, {"batch": 5}]
    assert shape_variants(problem(batch=32, dim=64), fixed_model=True) == [{"batch": 19}, {"batch": 5}]
    assert shape_variants(problem(batch=32, dim=64), limit=1) == [{"batch": 19}]


def test_common_divisors_are_found():
    linked = make("rows = 8\nchannels, groups = 64, 16", "rows, channels, 5", "self.norm(x)",
                  "self.norm = nn.GroupNorm(sizes[0], sizes[1])", "groups, channels")  # fmt: skip
    assert {"rows": 5, "channels": 48, "groups": 12} in shape_variants(linked)


def test_constants_that_must_agree_move_together():
    square = make("n = 24\nm = 24", "n, m", "x @ x + x.T")
    assert shape_variants(square)[0] == {"n": 15, "m": 15}


def test_constant_expressions_count_and_dependent_ones_follow():
    assert shape_variants(make("n = 16 * 4\nhalf = n // 2", "n, half"))[0] == {"n": 39}


@pytest.mark.parametrize(
    "fixed",
    [
        make("size = 8", "4, 4", "x * size"),  # no input's shape changes
        make("rows = 1\neps = 0.5\nflag = True", "rows, 3"),  # nothing to shrink
        make("", "4, 4"),
        make("size = 64", "4, size", "x.view(4, 8, 8)"),  # no other size runs
    ],
)
def test_nothing_to_vary(fixed):
    assert shape_variants(fixed) == []


def test_a_constant_that_forward_reads_itself_is_left_alone():
    # A candidate carries rows = 12: its answer for other inputs must be the reference's.
    assert shape_variants(make("rows = 12\ncols = 9", "rows, cols", "x.sum(0) / rows"))[0] == {"cols": 5}


def test_no_variant_does_more_work():
    strided = make("length = 40\nstride = 5", "2, 3, length", "self.conv(x)",
                   "self.conv = nn.Conv1d(3, 64, 5, stride=sizes[0])", "stride")  # fmt: skip
    variants = shape_variants(strided, limit=9)
    assert variants
    limit = _work(strided)
    for variant in variants:
        assert _work(strided.with_overrides(variant)).within(limit)
    assert {"length": 40, "stride": 1} not in variants


def test_variants_with_infinite_outputs_are_dropped():
    # One row has no unbiased variance.
    rows = make("rows = 2\ncols = 8", "rows, cols", "x.var(0)")
    assert all("rows" not in variant for variant in shape_variants(rows))


def test_a_problem_that_does_not_run_is_an_error():
    with pytest.raises(UserError, match=r"Model\.forward fails"):
        shape_variants(make("n = 4", "n, n", "x.nope"))


def test_work_counts_elements_and_flops_and_stops_at_a_limit():
    with Work() as work:
        torch.ones(4, 8) @ torch.ones(8, 2)
    assert work.flops == 2 * 4 * 8 * 2
    assert work.elements == 4 * 8 + 8 * 2 + (4 * 8 + 8 * 2 + 4 * 2)
    with pytest.raises(UserError, match="more work"), Work(work):
        torch.ones(4000)


def _work(problem):
    loaded = problem.load()
    with Work() as work:
        loaded.run(loaded.make_model(0), loaded.make_inputs(0))
    return work
