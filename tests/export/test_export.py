import csv
import importlib.util
import json
from types import SimpleNamespace

import pytest
import torch
from fabricated_run import PROBLEM, fabricate

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.errors import UserError
from egg_search.core.survey import Survey
from egg_search.export import export
from egg_search.export.picture import draw

FRONT = ["scale_0_half.py", "scale_1_faithful.py"]


@pytest.fixture
def out(tmp_path):
    export(fabricate(tmp_path / "run"), tmp_path / "out")
    return tmp_path / "out"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_everything_is_written(out):
    assert sorted(path.name for path in out.iterdir()) == sorted([*FRONT, "pareto.csv", "pareto.json", "pareto.png"])
    assert (out / "pareto.png").read_bytes().startswith(b"\x89PNG")


def test_modules_work_on_their_own_as_drop_ins(out):
    reference: dict = {}
    exec(PROBLEM, reference)
    model = reference["Model"](*reference["get_init_inputs"]())
    new = load(out / FRONT[1]).ModelNew(*reference["get_init_inputs"]())
    new.load_state_dict(model.state_dict())
    inputs = reference["get_inputs"]()
    torch.testing.assert_close(new(*inputs), model(*inputs))


def test_knobs_are_bound_and_the_module_is_still_a_candidate(out):
    source = (out / FRONT[1]).read_text()
    written = Candidate(source, Dialect.CPP)
    assert written.knobs["K0_TILE"].default == 4
    assert written.facts == {"K0": {"kind": "nest"}}
    assert load(out / FRONT[1]).__doc__ == "A candidate in plain torch."


def test_header_says_what_was_measured(out):
    header = "\n".join(line for line in (out / FRONT[1]).read_text().splitlines() if line.startswith("#|"))
    for expected in (
        "2 ms a call",
        "Against eager: 5.00x (10 ms)",
        "Against compile: 4.00x (8 ms)",
        "Precision: faithful",
        "Imaginary 9000, 2 cores",
        "torch 2.13.0",
        "Structure: one pass over rows",
        "fuse-chains, tile-for-l1",
        "judged again in full",
    ):
        assert expected in header


def test_json_and_csv_agree(out):
    front = json.loads((out / "pareto.json").read_text())["front"]
    rows = list(csv.DictReader((out / "pareto.csv").open()))
    assert [row["module"] for row in rows] == [each["module"] for each in front] == FRONT
    assert [float(row["speedups.eager"]) for row in rows] == pytest.approx([10.0, 5.0])
    assert json.loads(rows[1]["configuration"]) == front[1]["configuration"] == {"K0_TILE": 4}


def test_exporting_again_replaces(tmp_path, out):
    export(tmp_path / "run", out)
    assert len(list(out.glob("*.py"))) == 2


def test_a_file_in_the_way_is_one_line(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="cannot write the export"):
        export(fabricate(tmp_path / "run"), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_modules_of_an_earlier_front_do_not_stay(tmp_path):
    out = tmp_path / "out"
    export(fabricate(tmp_path / "old", name="other"), out)
    (out / "mine.py").touch()
    export(fabricate(tmp_path / "new"), out)
    assert sorted(path.name for path in out.glob("*.py")) == sorted([*FRONT, "mine.py"])


def test_what_was_measured_beside_others_is_marked(tmp_path, out):
    assert {row["shared"] for row in json.loads((out / "pareto.json").read_text())["front"]} == {False}
    survey = Survey({"eager": 10.0, "compile": 8.0}).on(others=["GPU 0 is used by others: timings are rough"])
    export(fabricate(tmp_path / "shared", survey=survey), tmp_path / "rough")
    assert {row["shared"] for row in json.loads((tmp_path / "rough" / "pareto.json").read_text())["front"]} == {True}
    assert "Others used the GPU meanwhile" in (tmp_path / "rough" / FRONT[0]).read_text()
    assert "Others used the GPU" not in (out / FRONT[0]).read_text()


@pytest.mark.parametrize("errors", [[0.0], [1e-7, 0.0], [2e-4]])
def test_the_picture_is_drawn_without_a_warning_where_nothing_errs(tmp_path, errors, recwarn):
    verdicts = [SimpleNamespace(errors=SimpleNamespace(norm=each, eager_norm=errors[0])) for each in errors]
    points = [SimpleNamespace(ms=1.0, verdict=verdict, speedup=lambda _: 2.0) for verdict in verdicts]
    draw(SimpleNamespace(problem="exact", front=points, baselines_ms={"eager": 2.0}), tmp_path / "front.png")
    assert (tmp_path / "front.png").exists() and not recwarn.list
