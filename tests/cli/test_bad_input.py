"""Every bad input of the list: a clear line, exit code 2, nothing half-written."""

import pytest
from fabricated_run import PROBLEM, fabricate

from egg_search.rundir import RunDirectory

BAD_PROBLEMS = {
    "a syntax error": (PROBLEM + "def broken(:\n", "line 23"),
    "no Model": (PROBLEM.replace("class Model(", "class Modle("), "Model"),
    "get_inputs that raises": (PROBLEM.replace("return [torch.randn(rows, dim)]", "return 1 / 0"), "get_inputs"),
    "get_inputs that returns nothing": (PROBLEM.replace("return [torch.randn(rows, dim)]", "pass"), "get_inputs"),
    "a model that fails": (PROBLEM.replace("x * self.weight", "x @ self.weight[:3]"), "Model.forward fails"),
    "a random reference": (PROBLEM.replace("x * self", "torch.rand_like(x) * self"), "not deterministic"),
    "no tensor": (PROBLEM.replace("return x * self.weight", "return 3.0"), "returns no tensor"),
    "an error on import": (PROBLEM.replace("rows, dim = 4, 16", "rows, dim = 4, 16 // 0"), "ZeroDivisionError"),
}


@pytest.fixture
def good(tmp_path):
    (tmp_path / "scale.py").write_text(PROBLEM)
    return "scale.py"


@pytest.mark.parametrize("kind", BAD_PROBLEMS)
def test_problem_file_with(kind, refused, tmp_path):
    source, expected = BAD_PROBLEMS[kind]
    (tmp_path / "scale.py").write_text(source)
    message = refused("run", "scale.py", "--budget", "5s")
    assert "scale.py" in message
    assert expected in message


def test_the_program_itself_says_it_in_one_line(egg, tmp_path):
    (tmp_path / "scale.py").write_text(BAD_PROBLEMS["a model that fails"][0])
    done = egg("run", "scale.py", "--budget", "5s")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Model.forward fails" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["scale.py"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["no_such.py"], "no_such.py"),
        (["no_such_name"], "no bundled problem"),
        (["square_matmull"], "did you mean square_matmul?"),
        (["scale.py", "--budget", "soon"], "'soon' is no duration"),
        (["scale.py", "--budget", "0s"], "'0s' is no duration"),
        (["scale.py", "--set", "nothing=3"], "no module-level constant nothing"),
        (["scale.py", "--set", "dim"], "NAME=VALUE"),
        (["scale.py", "--set", "dim=os.getcwd()"], "not a Python literal"),
        (["scale.py", "--profile", "huge"], "huge"),
        (["scale.py", "--precision", "exact"], "faithful"),
        (["scale.py", "--isolation", "loose"], "auto, strict"),
        (["scale.py", "--name", "../elsewhere"], "plain folder name"),
        (["scale.py", "--evaluations", "0"], "--evaluations"),
        (["scale.py", "--principles", "nowhere"], "no such directory of principles"),
        (["scale.py", "--no-such-option"], "No such option"),
        ([], "Missing argument"),
    ],
)
def test_run_with(arguments, expected, refused, good):
    assert expected in refused("run", *arguments)


def test_no_compiler(refused, good, tmp_path):
    empty = tmp_path / "bin"
    empty.mkdir()
    for command in (["run", good], ["demo"], ["bench", good], ["resume", "runs/x"]):
        assert "no g++ on PATH" in refused(*command, path=empty)


def test_an_existing_name_is_not_overwritten(refused, good, tmp_path):
    fabricate(tmp_path / "runs" / "mine")
    assert "egg resume runs/mine" in refused("run", good, "--name", "mine")


@pytest.mark.parametrize("command", ["resume", "status", "export"])
def test_no_run_directory(command, refused, tmp_path):
    (tmp_path / "folder").mkdir()
    assert "not a run directory" in refused(command, "folder")
    assert "not a run directory" in refused(command, "missing")


def test_a_live_driver_keeps_others_out(refused, egg, tmp_path, monkeypatch):
    from egg_search.campaign import opening
    from egg_search.campaign.settings import Settings
    from egg_search.core.hardware import detect_cpu
    from egg_search.core.problem import Problem

    problem = Problem("scale", PROBLEM)
    run = opening.create(tmp_path / "run", Settings("scale.py"), problem, detect_cpu())
    assert isinstance(run, RunDirectory)
    lock = run.lock()
    try:
        assert "in use by a live driver" in refused("resume", "run")
        assert "running (pid" in egg("status", "run").stdout
    finally:
        lock.release()


def test_a_run_of_other_hardware_is_not_resumed(refused, tmp_path):
    fabricate(tmp_path / "run")
    assert "measurements do not compare" in refused("resume", "run")


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("K0 = 3  # knob tiling 1 | 3\nclass ModelNew:\n    pass\n", "line 1"),
        ("class Other:\n    pass\n", "no module-level class ModelNew"),
        ("class ModelNew(:\n", "line 1"),
    ],
)
def test_verify_of_no_kernel(kernel, expected, refused, good, tmp_path):
    (tmp_path / "kernel.py").write_text(kernel)
    message = refused("verify", "kernel.py", good)
    assert "kernel.py" in message
    assert expected in message


def test_verify_of_a_missing_kernel(refused, good):
    assert "missing.py" in refused("verify", "missing.py", good)


def test_two_problems_of_one_name(refused, good, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "scale.py").write_text(PROBLEM)
    assert "another problem is named scale" in refused("bench", good, "other/scale.py")


def test_a_bad_principle(refused, tmp_path):
    folder = tmp_path / "mine" / "tiling"
    folder.mkdir(parents=True)
    (folder / "tile-well.md").write_text("no head")
    assert "tile-well.md:1" in refused("principles", "check", "mine")


def test_debug_shows_the_traceback(egg):
    done = egg("status", "missing", EGG_DEBUG="1")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("egg: ")
