from pathlib import Path

import pytest

import principles
from egg_search.core.errors import UserError
from egg_search.core.verdict import PrecisionClass
from principles import report
from principles.parse import parse

GOOD = """+++
title = "Tiles live in L1"
source = "Folklore"
kinds = ["matmul"]
dialects = ["cpp"]
applies = "kernel.m >= 64 and hw.cores > 1"
constraints = ["tile_m * tile_k * 4 <= hw.l1d_bytes"]
precision = "tf32"

[sets]
pack_a = 1

[knobs]
tile_m = [32, 64]
+++
Because *caches* are small.
"""


@pytest.fixture
def write(tmp_path):
    def writer(text, name="tiles-in-l1", group="tiling"):
        path = tmp_path / group / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return writer


def test_every_field_is_read(write):
    assert parse(write(GOOD)) == principles.Principle(
        name="tiles-in-l1",
        title="Tiles live in L1",
        group="tiling",
        prose="Because *caches* are small.",
        source="Folklore",
        dialects=("cpp",),
        kinds=("matmul",),
        applies="kernel.m >= 64 and hw.cores > 1",
        constraints=("tile_m * tile_k * 4 <= hw.l1d_bytes",),
        precision=PrecisionClass.TF32,
        sets={"pack_a": 1},
        knobs={"tile_m": (32, 64)},
    )


WRONG = [
    (("+++\ntitle", "title"), ":1:", "TOML head"),
    (('source = "Folklore"\n', ""), ":1:", "`source` is missing"),
    (('kinds = ["matmul"]', "kind = 1"), ":4:", "unknown key 'kind'"),
    (('kinds = ["matmul"]', 'kinds = "matmul"'), ":4:", "`kinds` is a list of texts"),
    (('["cpp"]', '["fortran"]'), ":5:", "no dialect 'fortran'"),
    (("hw.cores > 1", "hw.cores >"), ":6:", "invalid syntax"),
    (("hw.cores > 1", "open('x')"), ":6:", "is not allowed"),
    (("hw.cores > 1", "hw.l1_bytes > 1"), ":6:", "no hw.l1_bytes; hardware has "),
    (("hw.cores > 1", "tile_m > 1"), ":6:", "`tile_m` is a knob role"),
    (("tile_m * tile_k", "tile_m ** tile_k"), ":7:", "is not allowed"),
    (('precision = "tf32"', 'precision = "fine"'), ":8:", "no class of precision 'fine'"),
    (("pack_a = 1", "pack_a = [1]"), ":11:", "pack_a is one number"),
    (("pack_a = 1", "PACK = 1"), ":11:", "'PACK' is not a role"),
    (("pack_a = 1", "pack_a = = 1"), ":11:", "not TOML"),
    (("[32, 64]", "[32]"), ":14:", "two or more different choices"),
    (("[32, 64]", "[32, 32]"), ":14:", "two or more different choices"),
    (("Because *caches* are small.", ""), ":1:", "no prose"),
]


@pytest.mark.parametrize(("change", "line", "message"), WRONG, ids=lambda value: str(value)[:30])
def test_errors_name_the_file_and_the_line(write, change, line, message):
    assert change[0] in GOOD
    path = write(GOOD.replace(*change, 1))
    with pytest.raises(UserError) as error:
        parse(path)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{path}{line}")
    assert "\n" not in str(error.value)


def test_the_place_of_a_file_counts(write):
    with pytest.raises(UserError, match="folder named after its group"):
        parse(write(GOOD, group="magic"))
    with pytest.raises(UserError, match="file's name"):
        parse(write(GOOD, name="Tiles_L1"))


def test_own_directories_add_to_the_bundled_ones(write, tmp_path):
    write(GOOD)
    library = principles.load([tmp_path])
    assert library["tiles-in-l1"].title == "Tiles live in L1"
    assert len(library) == len(principles.load()) + 1
    with pytest.raises(UserError, match="no principle 'nonsense'"):
        library["nonsense"]


def test_duplicate_names_and_missing_directories(write, tmp_path):
    write(GOOD, name="register-tile", group="mapping")
    with pytest.raises(UserError, match="'register-tile' exists already"):
        principles.load([tmp_path])
    with pytest.raises(UserError, match="no such directory"):
        principles.load([tmp_path / "nowhere"])


def test_check_finds_all_problems_at_once(write, tmp_path):
    write(GOOD.replace("hw.cores > 1", "hw.cores >"), name="broken")
    write(GOOD.replace("tile_m * tile_k * 4", "kernel.m"), name="binds-nothing")
    write(GOOD, name="register-tile", group="mapping")
    known = _all_roles() - {"pack_a"} | {"tile_m"}
    problems = report.check([tmp_path], known)
    for part in ("broken.md:6", "exists already", "names no knob", "no generator knows the role 'pack_a'"):
        assert any(part in each for each in problems)


def _all_roles():
    return {role for each in principles.load() for role in (*each.sets, *each.knobs)}


class TestBundled:
    def test_they_are_many_and_cover_every_group(self):
        library = principles.load()
        assert len(library) >= 32
        assert {each.group for each in library} == {"structure", "mapping", "tiling", "staging", "precision"}
        assert sum(each.group == "precision" for each in library) >= 2

    @pytest.mark.parametrize("principle", tuple(principles.load()), ids=lambda each: each.name)
    def test_each_explains_itself(self, principle):
        assert len(principle.prose.split()) >= 60
        assert "**When.**" in principle.prose
        assert "**When not.**" in principle.prose or principle.constraints
        assert len(principle.source) > 15 and not principle.title.endswith(".")

    def test_check_has_no_complaint_when_all_roles_are_known(self):
        assert report.check([], _all_roles()) == []

    def test_all_files_are_found(self):
        folder = Path(principles.__file__).parent
        assert len(list(folder.rglob("*.md"))) == len(principles.load())

    def test_they_can_be_shown(self):
        library = principles.load()
        assert [row.name for row in report.rows(library)] == [each.name for each in library]
        text = report.show(library["register-tile"])
        assert "mr * nr" in text and "Goto" in text and "When not" in text
