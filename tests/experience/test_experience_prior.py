"""What many campaigns add up to."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egg_search.experience import Outcome, Situation, Told, dtype_in, kinds_in, prior, record_lines, standing
from egg_search.experience.prior import MOST, resemblance
from egg_search.schedulers.bandit import FULL_REWARD, Bandit

HERE = Situation("p1", "cuda", "H100", ("matmul", "nest"), "memory", "float32")
KINDS = ("attention", "conv", "matmul", "nest", "scan")

situations = st.builds(
    Situation,
    st.sampled_from(["p1", "p2"]),
    st.sampled_from(["cpu", "cuda"]),
    st.sampled_from(["H100", "A100", ""]),
    st.lists(st.sampled_from(KINDS), max_size=3, unique=True).map(tuple),
    st.sampled_from(["", "memory", "compute"]),
    st.sampled_from(["", "float32", "float16"]),
)
outcomes = st.lists(st.floats(1e-6, 5), max_size=5).flatmap(
    lambda gains: st.builds(Outcome, st.just("p"), st.integers(len(gains), 40), st.just(tuple(gains)))
)
histories = st.lists(st.builds(Told, outcomes, situations), max_size=8)


@given(histories, situations)
def test_a_prior_is_small_and_never_negative(told, here):
    won, lost = prior(told, here, FULL_REWARD)
    assert won >= 0 and lost >= 0
    assert won + lost <= MOST + 1e-9


@given(histories, situations, st.randoms())
def test_the_order_of_campaigns_does_not_matter(told, here, rng):
    mixed = list(told)
    rng.shuffle(mixed)
    assert prior(mixed, here, FULL_REWARD) == pytest.approx(prior(told, here, FULL_REWARD))


@given(histories, situations, situations)
def test_another_win_never_lowers_and_another_loss_never_raises_the_share_of_wins(told, there, here):
    def share(more):
        won, lost = prior([*told, Told(more, there)], here, FULL_REWARD)
        return won / (won + lost)

    nothing, win, loss = Outcome("p", 0), Outcome("p", 1, (5.0,)), Outcome("p", 1)
    won, lost = prior([*told, Told(nothing, there)], here, FULL_REWARD)
    if won + lost > 1e-9:
        assert share(win) >= won / (won + lost) - 1e-9
        assert share(loss) <= won / (won + lost) + 1e-9


@given(situations, situations)
def test_resemblance_is_symmetric_and_the_same_place_resembles_itself_most(one, other):
    assert resemblance(one, other) == pytest.approx(resemblance(other, one))
    assert 0 < resemblance(one, other) <= resemblance(one, one) == 1


def test_the_same_hardware_and_the_same_kind_of_problem_weigh_more():
    other = replace(HERE, problem="p2")
    less = [
        replace(other, hardware="A100"),
        replace(other, kind="cpu", hardware="EPYC"),
        replace(other, kernels=("scan",)),
        replace(other, dtype="float16"),
        replace(other, bound="compute"),
    ]
    assert resemblance(other, HERE) == 1
    for each in less:
        assert resemblance(each, HERE) < 1
        won, lost = prior([Told(Outcome("p", 10, (1.0,) * 10), other), Told(Outcome("p", 10), each)], HERE, FULL_REWARD)
        assert won > lost > 0


def test_what_won_on_this_hardware_comes_earlier_and_nothing_is_impossible():
    names = [f"p{number}" for number in range(9)]
    told = {name: [Told(Outcome(name, 20, (0.3,) * 15 if name == "p8" else ()), HERE)] for name in names}
    priors = {name: prior(each, HERE, FULL_REWARD) for name, each in told.items()}
    first = [Bandit(priors).rank(names, random.Random(seed))[0] for seed in range(400)]
    assert first.count("p8") > 200  # by chance, 44
    assert set(first) == set(names)


def test_what_a_campaign_sees_itself_soon_outweighs_it():
    bandit = Bandit({"praised": prior([Told(Outcome("praised", 500, (1.0,) * 500), HERE)], HERE, FULL_REWARD)})
    for _ in range(20):
        bandit.update("praised", 0.0)
        bandit.update("blamed", 0.1)
    means = {row["name"]: row["mean"] for row in bandit.report()}
    assert means["blamed"] > 2 * means["praised"]


def test_a_record_in_words():
    far = replace(HERE, problem="p2", kind="cpu", hardware="EPYC", kernels=("scan",), bound="")
    told = [Told(Outcome("p", 4, (0.1, 0.2)), HERE), Told(Outcome("p", 3, (0.3,)), HERE), Told(Outcome("p", 9), far)]
    assert record_lines(told) == [
        "tried 16, won 3, median gain 1.22x, in 3 campaigns",
        "EPYC: tried 9, won 0",
        "H100: tried 7, won 3, median gain 1.22x",
        "best for memory-bound matmul and nest in float32 on H100: tried 7, won 3, median gain 1.22x",
    ]
    assert record_lines([]) == ["not tried yet"]
    assert record_lines(told[2:])[0] == "tried 9, won 0, in 1 campaign"
    assert not any("best" in line for line in record_lines(told[2:]))
    assert (standing(told), standing([])) == ("3/16", "")


@given(histories)
def test_every_record_can_be_told(told):
    assert all(line and "\n" not in line for line in record_lines(told))


@pytest.mark.parametrize(
    ("body", "kinds", "dtype"),
    [
        ("nn.Linear(2, 3); torch.relu(x)", ("matmul",), "float32"),
        ("x @ x", ("matmul",), "float32"),
        ("F.conv2d(x.half(), w)", ("conv",), "float16"),
        ("F.scaled_dot_product_attention(q, k, v)", ("attention",), "float32"),
        ("torch.cumsum(x.to(torch.bfloat16), 0)", ("scan",), "bfloat16"),
        ("torch.softmax(x, 1)", ("nest",), "float32"),
    ],
)
def test_what_a_problems_text_tells(body, kinds, dtype):
    assert (kinds_in(body), dtype_in(body)) == (kinds, dtype)
