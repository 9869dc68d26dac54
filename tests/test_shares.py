"""Every test is in one share, and what belongs together is in the same."""

from pathlib import Path
from types import SimpleNamespace

from shares import share_of


def item(path, **params):
    return SimpleNamespace(path=Path(path), callspec=SimpleNamespace(params=params), name=str(params))


ITEMS = [
    *(item("cheats.py", cheat=SimpleNamespace(problem="rows", number=i)) for i in range(9)),
    *(item("cheats.py", cheat=SimpleNamespace(problem="chain", number=i)) for i in range(4)),
    item("cheats.py", problem="chain"),
    SimpleNamespace(path=Path("device.py")),
]


def test_shares_are_disjoint_and_complete():
    for count in (1, 2, 3, 8):
        shares = [share_of(ITEMS, f"{which}/{count}") for which in range(count)]
        assert sorted(ITEMS.index(each) for mine, _ in shares for each in mine) == list(range(len(ITEMS)))
        assert all(len(mine) + len(others) == len(ITEMS) for mine, others in shares)


def test_one_problem_of_a_file_is_one_share_and_the_largest_are_apart():
    first, second = (share_of(ITEMS, f"{which}/2")[0] for which in range(2))
    assert first == ITEMS[:9]
    assert second == ITEMS[9:]
