"""The policy of the staged scheduler."""

from egg_search.core.candidate import Dialect
from egg_search.core.step import TUNE
from egg_search.schedulers import Feedback, Menu, Result, StagedScheduler
from egg_search.schedulers.staged import PATIENCE, STAGNATION

CPP = Dialect.CPP


LEVERS = ("mapping", "tiling", "staging", "precision")


def scheduler(operators=("seed", "refine", *LEVERS), principles=None):
    return StagedScheduler(Menu(operators, (("fake", CPP),), lambda o, c: (principles or {}).get(o, [])), 0)


def seeded(principles=None, **scores):
    """After a seed step that brought one candidate of each structure with these scores."""
    made = scheduler(principles=principles)
    results = tuple(Result(f"{name}0", name, CPP, score) for name, score in scores.items())
    made.observe(made.next(1), Feedback(results, {}))
    return made


def tuned(made, count, score=0.0, gain=0.0, number=2):
    """Runs `count` steps in which nothing but what is given is gained; returns them."""
    steps = []
    for n in range(number, number + count):
        step = made.next(n)
        steps.append(step)
        candidate = step.parent if step.operator == TUNE else f"{step.parent}.{step.operator}"
        batch = step.limit if step.operator == TUNE else 1
        signature = step.parent.split("0")[0]
        made.observe(step, Feedback((Result(candidate, signature, CPP, score, gain),) * batch, {}))
    return steps


def test_the_best_structure_goes_first():
    assert seeded(slow=0.1, fast=1.5).next(2).parent == "fast0"


def test_levers_in_order_each_with_an_edit_and_tuning():
    steps = tuned(seeded(a=1.0), 9, score=0.5)
    assert [(s.operator, str(s.lever)) for s in steps][:3] == [
        ("mapping", "mapping"),
        (TUNE, "mapping"),
        (TUNE, "mapping"),
    ]
    assert [str(lever) for lever in dict.fromkeys(s.lever for s in steps)] == ["mapping", "tiling", "staging"]


def test_precision_comes_last_and_only_where_a_principle_speaks_of_it():
    steps = tuned(seeded({"precision": ["pieces"]}, a=1.0), 12, score=0.5)
    assert tuple(str(lever) for lever in dict.fromkeys(s.lever for s in steps if s.lever)) == LEVERS
    (edit,) = (s for s in steps if s.operator == "precision")
    assert edit.principles == ("pieces",)
    assert all(s.lever != "precision" for s in tuned(seeded(a=1.0), 40, score=0.5))


def test_a_lever_that_gains_is_kept_at():
    made = seeded(a=1.0)
    steps = [tuned(made, 1, score=1 + 0.05 * n, gain=0.05, number=n)[0] for n in range(2, 5 + PATIENCE)]
    assert {str(s.lever) for s in steps} == {"mapping"}


def test_other_structures_stay_alive():
    steps = tuned(seeded(a=1.0, b=0.8), 40, score=0.5)
    assert {s.parent.split("0")[0] for s in steps} == {"a", "b"}


def test_a_hopeless_structure_waits():
    steps = tuned(seeded(good=2.0, hopeless=-2.0), 12, score=1.5)
    assert {s.parent.split("0")[0] for s in steps} == {"good"}


def test_stagnation_returns_to_stage_one():
    made = seeded(a=1.0, b=0.9)
    steps = tuned(made, 3 + STAGNATION // 2, score=0.5)
    assert any(s.operator in ("refine", "seed") for s in steps)


def test_failed_drafts_are_repaired_once_an_author_shows_it_can():
    made = scheduler(("seed", "repair"))
    made.observe(made.next(1), Feedback((Result("x", "s", CPP, None), Result("y", "t", CPP, None)), {}))
    first = made.next(2)
    assert (first.operator, first.parent) == ("repair", "x")
    made.observe(first, Feedback())
    second = made.next(3)
    assert (second.operator, second.parent) == ("repair", "y")
    made.observe(second, Feedback())
    assert made.next(4) is None  # two attempts that brought nothing: this author cannot


def test_principles_that_gained_come_first():
    names, wins = [f"p{i}" for i in range(9)], 0
    for seed in range(20):
        menu = Menu(("seed", "mapping", "tiling"), (("fake", CPP),), lambda o, c: [] if o == "seed" else names)
        made = StagedScheduler(menu, seed)
        made.observe(made.next(1), Feedback((Result("a0", "a", CPP, 1.0),), {}))
        edits = tuple(Result(f"a{i}", "a", CPP, 1.0 + 0.5 * (i == 8), 0.4 * (i == 8)) for i in range(1, 9))
        followed = {edit.candidate: (f"p{i}",) for i, edit in enumerate(edits, 1)}
        made.observe(made.next(2), Feedback(edits, followed))
        assert made.report()["principles"][0]["name"] == "p8"
        number = 3
        while (step := made.next(number)).operator == TUNE:  # nothing to tune: on to the next lever
            made.observe(step, Feedback())
            number += 1
        wins += "p8" in step.principles
    assert wins > 11  # by chance, three of nine: seven of twenty


def led(*levers, writers=("fake",)):
    """Seeded, where these levers have a principle, and the first writer does nothing without one."""
    principles = {lever: [f"of {lever}"] for lever in levers}
    pairs = tuple((name, CPP) for name in writers)
    made = StagedScheduler(Menu(("seed", *LEVERS), pairs, lambda o, c: principles.get(o, []), led={writers[0]}), 0)
    for number in range(1, 1 + len(writers)):
        made.observe(made.next(number), Feedback((Result("a0", "a", CPP, 1.0),) if number == 1 else (), {}))
    return made


def waited(made, numbers, idle):
    """Tunes without gain while authors have other work."""
    steps = []
    for number in numbers:
        steps.append(made.next(number, idle=idle))
        results = (Result(steps[-1].parent, "a", CPP, 0.5),) * steps[-1].limit
        made.observe(steps[-1], Feedback(results, {}))
    return steps


def test_a_round_waits_for_an_author_that_has_other_work():
    """Else the first round would end in tuning, without what the levers behind would have opened."""
    made = led(*LEVERS)
    tuned(made, 1, score=0.5)  # the edit of the mapping
    assert {(step.operator, str(step.lever)) for step in waited(made, range(3, 7), {TUNE})} == {(TUNE, "mapping")}
    assert tuned(made, 1, score=0.5, number=7)[0].operator == "tiling"


def test_what_is_tuned_while_a_round_waits_is_not_the_next_levers():
    made = led(*LEVERS)
    waited(made, range(2, 5), {TUNE})
    assert [step.operator for step in tuned(made, 2, score=0.5, number=5)] == ["mapping", TUNE]


def test_nobody_waits_for_an_author_that_may_be_gone():
    """One that others can do without, and that is not asked any more, is never idle again."""
    made = led("tiling", "staging", writers=("fake", "gone"))
    steps = waited(made, range(3, 10), {"fake", TUNE})
    assert {"tiling", "staging"} <= {step.operator for step in steps}


def test_an_author_that_is_led_by_principles_is_not_asked_without_one():
    menu = Menu(("seed", *LEVERS), (("fake", CPP),), lambda o, c: ["tiles"] if o == "tiling" else [], led={"fake"})
    made = StagedScheduler(menu, 0)
    made.observe(made.next(1), Feedback((Result("a0", "a", CPP, 1.0),), {}))
    assert {step.operator for step in tuned(made, 12, score=0.5)} == {TUNE, "tiling"}
