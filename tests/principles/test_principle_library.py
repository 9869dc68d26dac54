import pickle
import time

import pytest

import principles
from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from principles import Library, Principle, applies

HARDWARE = Hardware("cpu", "test", 8, 32, 48 << 10, 1 << 20, 16 << 20, 1 << 34)


def principle(name="p", **fields):
    return Principle(**{"name": name, "title": "T", "group": "tiling", "prose": "x", "source": "s", **fields})


def candidate(facts="{}", dialect=Dialect.CPP, **knobs):
    lines = "\n".join(f"{name} = {c[0]!r}  # knob tiling: {' | '.join(map(repr, c))}" for name, c in knobs.items())
    return Candidate(f"# egg-facts: {facts}\n{lines}\nclass ModelNew: pass\n", dialect)


TILE = principle(kinds=("matmul",), constraints=("tile_m * tile_k * 4 <= hw.l1d_bytes",))


def violations(rule, given, **configuration):
    return Library([rule]).violations(given, configuration, HARDWARE)


def test_a_violation_reads_well():
    given = candidate('{"K0": {"kind": "matmul"}}', K0_TILE_M=(64, 256), K0_TILE_K=(32, 128))
    assert violations(TILE, given) == []
    assert violations(TILE, given, K0_TILE_M=256, K0_TILE_K=128) == [
        "K0: tile_m * tile_k * 4 <= hw.l1d_bytes: 131072 > 49152 (principle p)"
    ]


def test_a_missing_knob_does_not_bind():
    assert violations(TILE, candidate('{"K0": {"kind": "matmul"}}', K0_TILE_M=(1 << 20, 1))) == []


def test_fixed_decisions_count_as_values():
    given = candidate('{"K0": {"kind": "matmul", "schedule": {"tile_k": 1024}}}', K0_TILE_M=(8, 64))
    assert violations(TILE, given) == []
    assert "262144 > 49152" in violations(TILE, given, K0_TILE_M=64)[0]


def test_kernels_are_judged_apart():
    facts = '{"K0": {"kind": "matmul"}, "K1": {"kind": "matmul"}, "K2": {"kind": "nest"}}'
    tiles = {f"K{i}_TILE_{axis}": (256, 16) for i in range(3) for axis in "MK"}
    given = candidate(facts, **tiles)
    found = violations(TILE, given, K0_TILE_M=16)
    assert [each.split(":")[0] for each in found] == ["K1"]


def test_knobs_without_prefix_or_facts_are_bound_too():
    assert violations(TILE, candidate(TILE_M=(256, 1), TILE_K=(256, 1)))[0].startswith("tile_m")
    shared = candidate('{"K3": {"kind": "matmul"}}', TILE_M=(256, 1), TILE_K=(256, 1))
    assert violations(TILE, shared)[0].startswith("K3: ")
    assert violations(TILE, candidate(K0_TILE_M=(256, 1), K0_TILE_K=(256, 1)))[0].startswith("K0: ")


def test_dialects_and_facts_decide_whom_a_constraint_binds():
    rule = principle(dialects=("triton",), constraints=("tile < 4",))
    assert violations(rule, candidate(TILE=(8, 1))) == []
    rule = principle(constraints=("kernel.rows < 10 or tile < 4",))
    assert violations(rule, candidate('{"K0": {"rows": 5}}', K0_TILE=(8, 1))) == []
    assert violations(rule, candidate('{"K0": {"rows": 50}}', K0_TILE=(8, 1))) == [
        "K0: kernel.rows < 10 or tile < 4: kernel.rows = 50, tile = 8 (principle p)"
    ]
    assert violations(rule, candidate(K0_TILE=(8, 1))) == []


@pytest.mark.parametrize(
    ("fields", "facts", "holds"),
    [
        ({"applies": "kernel.rows > 4"}, {"kind": "nest", "rows": 8}, True),
        ({"applies": "kernel.rows > 4"}, {"kind": "nest", "rows": 2}, False),
        ({"applies": "kernel.rows > 4"}, {"kind": "nest"}, False),
        ({"applies": "not kernel.fast"}, {"kind": "nest"}, False),
        ({"applies": "kernel.rows"}, {"rows": 3}, True),
        ({"kinds": ("scan",)}, {"kind": "nest"}, False),
        ({"kinds": ("scan",)}, {}, False),
        ({"applies": "hw.cores == 8"}, {}, True),
    ],
)
def test_applies(fields, facts, holds):
    assert applies(principle(**fields), facts, HARDWARE) is holds


def test_applicable_pairs_principles_with_kernels_in_order():
    library = Library(
        [
            principle("b", group="mapping"),
            principle("a", group="staging", kinds=("nest",)),
            principle("c", dialects=("cuda",)),
        ]
    )
    facts = {"K0": {"kind": "nest"}, "K1": {"kind": "scan"}}
    found = library.applicable(facts, HARDWARE, Dialect.CPP)
    assert [(each.name, scope) for each, scope in found] == [("b", "K0"), ("b", "K1"), ("a", "K0")]
    assert [each.name for each, _ in library.applicable(facts, HARDWARE, Dialect.CPP, "staging")] == ["a"]


def test_libraries_travel():
    library = principles.load()
    again = pickle.loads(pickle.dumps(library))
    assert [each.name for each in again] == [each.name for each in library]
    given = candidate('{"K0": {"kind": "matmul"}}', K0_MR=(14, 4), K0_NR=(4, 1))
    assert again.violations(given, {}, HARDWARE) == library.violations(given, {}, HARDWARE) != []


def test_pruning_is_fast():
    """Thousands of configurations are checked between two builds: well under 0.2 ms each."""
    library = principles.load()
    facts = ", ".join(f'"K{i}": {{"kind": "matmul", "m": 512, "n": 512, "k": 512}}' for i in range(5))
    roles = ("MR", "NR", "MC", "NC", "KC", "SPLIT_K", "PREFETCH")
    given = candidate(f"{{{facts}}}", **{f"K{i}_{role}": (4, 8, 16) for i in range(5) for role in roles})
    configuration = {name: 8 for name in given.knobs}
    library.violations(given, configuration, HARDWARE)
    start = time.process_time()
    for _ in range(200):
        assert library.violations(given, configuration, HARDWARE)
    assert (time.process_time() - start) / 200 < 2e-3


def test_advice_that_changes_nothing_is_left_out():
    library = Library(
        [
            principle("sets-what-is", sets={"grid": "m"}),
            principle("sets-another", sets={"grid": "n"}),
            principle("sets-nothing-known", sets={"order": 1}),
            principle("opens", knobs={"grid": ("m", "n")}),
            principle("opens-nothing-known", knobs={"order": (0, 1)}),
            principle("structure", group="structure", sets={"fusion": "all"}),
        ]
    )
    facts = {"K0": {"schedule": {"grid": "m"}}, "K1": {}}
    found = library.applicable(facts, HARDWARE, Dialect.CPP)
    assert [each.name for each, scope in found if scope == "K0"] == ["structure", "opens", "sets-another"]
    assert len([scope for _, scope in found if scope == "K1"]) == len(library)
