from egg_search.core.knobs import Knob, Lever
from egg_search.tuning import by_roles, inherit


def knobs(**defaults):
    return {name: Knob(name, Lever.TILING, value, (16, 32, 64, 128)) for name, value in defaults.items()}


def test_a_child_keeps_what_its_draft_did_not_touch():
    parent = knobs(K0_TILE_M=32, K0_TILE_N=32, K0_OLD=16)
    child = knobs(K0_TILE_M=64, K0_TILE_N=32, K0_NEW=128)  # the draft moved TILE_M and opened NEW
    best = {"K0_TILE_M": 128, "K0_TILE_N": 128, "K0_OLD": 64}
    assert inherit(parent, best, child) == {"K0_TILE_M": 64, "K0_TILE_N": 128, "K0_NEW": 128}


def test_a_value_that_the_child_does_not_offer_is_not_inherited():
    parent, child = knobs(K0_T=32), {"K0_T": Knob("K0_T", Lever.TILING, 32, (32, 48))}
    assert inherit(parent, {"K0_T": 128}, child) == {"K0_T": 32}


def test_roles_vote_across_kernels():
    liked = [
        (knobs(K0_TILE_M=16, K1_TILE_M=16), {"K0_TILE_M": 128, "K1_TILE_M": 64}),
        (knobs(K0_TILE_M=16), {"K0_TILE_M": 64}),
    ]
    assert by_roles(knobs(K3_TILE_M=16, K3_OTHER=32), liked) == {"K3_TILE_M": 64, "K3_OTHER": 32}


def test_ties_go_to_the_better_candidate_and_unoffered_values_are_skipped():
    liked = [(knobs(K0_T=16), {"K0_T": 128}), (knobs(K0_T=16), {"K0_T": 64})]
    assert by_roles(knobs(K0_T=16), liked) == {"K0_T": 128}
    few = {"K0_T": Knob("K0_T", Lever.TILING, 16, (16, 64))}
    assert by_roles(few, liked) == {"K0_T": 64}
