"""Problem files load as KernelBench's do, and every fault is one line that names its place."""

import pickle
import sys

import pytest
import torch

from egg_search.core.errors import UserError
from egg_search.core.problem import Problem
from egg_search.core.problem.outputs import flatten_outputs

WHOLE = (
    "import torch\nclass Model(torch.nn.Module): pass\ndef get_inputs(): return [1]\ndef get_init_inputs(): return []\n"
)


def _file(tmp_path, text, name="mine.py"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_overrides_reach_dependent_constants_model_and_inputs(problem):
    loaded = problem(dim=24, batch=2).load()
    assert loaded.module.hidden == 48
    assert loaded.make_model(0).linear.weight.shape == (48, 24)
    assert loaded.run(loaded.make_model(0), loaded.make_inputs(0))[0].shape == (2, 48)
    assert not loaded.run(loaded.make_model(0), loaded.make_inputs(0))[0].requires_grad


def test_seeds_decide_parameters_and_inputs(problem):
    loaded = problem().load()
    assert torch.equal(loaded.make_model(1).linear.weight, problem().load().make_model(1).linear.weight)
    assert not torch.equal(loaded.make_model(1).linear.weight, loaded.make_model(2).linear.weight)
    assert torch.equal(loaded.make_inputs(5)[0], loaded.make_inputs(5)[0])
    assert not torch.equal(loaded.make_inputs(5)[0], loaded.make_inputs(6)[0])
    assert loaded.make_model(0).training


@pytest.mark.parametrize(
    "init", ["[dim, hidden]", "(dim, hidden)", "{'hidden': hidden, 'dim': dim}"], ids=["list", "tuple", "dict"]
)
def test_forms_of_init_inputs(problem, init):
    loaded = problem(f"def get_init_inputs(): return {init}\n").load()
    assert loaded.make_model(0).linear.weight.shape == (32, 16)


def test_mixed_inputs_and_nested_outputs(problem):
    loaded = problem(
        "class Model(nn.Module):\n"
        "    def forward(self, xs, scale, name, mask=None):\n"
        "        return {'a': xs[0] * scale, 'b': [xs[1], (xs[1].argmax(), None, 3)]}\n"
        "def get_inputs(): return ([torch.ones(2), torch.rand(3)], 2.0, 'n', None)\n"
        "def get_init_inputs(): return []\n"
    ).load()
    first, second, third = loaded.run(loaded.make_model(0), loaded.make_inputs(0))
    assert first.tolist() == [2.0, 2.0]
    assert second.shape == (3,) and third.dtype == torch.int64


def test_flatten_keeps_order_and_drops_other_values():
    a, b = torch.zeros(1), torch.ones(2)
    assert [id(t) for t in flatten_outputs({"y": [a, None, 4], "x": (b, {})})] == [id(a), id(b)]
    assert flatten_outputs(3.0) == []


def test_dataclasses_annotations_and_script_find_their_module(problem):
    loaded = problem(
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Options:\n    size: 'int' = 3\n"
        "@torch.jit.script\ndef twice(x):\n    return x * 2\n"
        "class Model(nn.Module):\n    def __init__(self, dim, hidden):\n        super().__init__()\n"
        "    def forward(self, x): return twice(x) * Options().size\n"
    ).load()
    assert sys.modules[loaded.module.__name__] is loaded.module
    x = loaded.make_inputs(0)
    assert torch.equal(loaded.run(loaded.make_model(0), x)[0], x[0] * 6)


def test_from_file(tmp_path):
    path = _file(tmp_path, "n = 4\nm = n\nPROFILES = {'gpu': {'n': 8, 'm': 9}}\n" + WHOLE, "some_name.py")
    assert Problem.from_file(path).name == "some_name"
    assert Problem.from_file(path, profile="gpu").overrides == {"n": 8, "m": 9}
    chosen = Problem.from_file(path, {"n": 5}, profile="gpu")
    assert (chosen.load().module.n, chosen.load().module.m) == (5, 9)
    assert chosen.id != Problem.from_file(path).id
    annotated = _file(tmp_path, "n = 4\nPROFILES: dict = {'gpu': {'n': 8}}\n" + WHOLE, "annotated.py")
    assert Problem.from_file(annotated, profile="gpu").overrides == {"n": 8}
    assert chosen.with_overrides({"n": 6}).overrides == {"n": 6, "m": 9}


def test_a_problem_is_picklable_and_runs_nothing_before_load(tmp_path):
    problem = Problem.from_file(_file(tmp_path, "1 / 0\n" + WHOLE))
    again = pickle.loads(pickle.dumps(problem))
    assert again == problem and again.effective_source == problem.source
    with pytest.raises(UserError, match=r"mine.py: line 1: the file fails when it is imported: ZeroDivisionError"):
        again.load()
    assert f"egg_problem_{problem.id}" not in sys.modules


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("x = (\n", {}, "line 1: '(' was never closed"),
        ("x = 1\ny = = 2\n", {}, "line 2: invalid syntax: y = = 2"),
        (WHOLE.replace("class Model", "class Mode"), {}, "no Model at module level; a problem defines a class Model"),
        (WHOLE.replace("get_inputs", "inputs"), {}, "no get_inputs at module level"),
        (WHOLE.replace("get_init_inputs", "init"), {}, "no get_init_inputs at module level"),
        (WHOLE, {"overrides": {"dim": 3}}, "no module-level constant dim to set; it has none"),
        ("a = b = 2\n" + WHOLE, {"overrides": {"dim": 3}}, "no module-level constant dim to set; it has a, b"),
        (WHOLE, {"profile": "gpu"}, "no profile 'gpu'; the file has no PROFILES"),
        ("PROFILES = {'cpu': {}}\n" + WHOLE, {"profile": "gpu"}, "no profile 'gpu'; PROFILES has cpu"),
        ("PROFILES = [f()]\n" + WHOLE, {"profile": "gpu"}, "line 1: PROFILES must be a dict of dicts of literals"),
        ("PROFILES = {'gpu': {'q': 1}}\n" + WHOLE, {"profile": "gpu"}, "no module-level constant q to set"),
        ("\0", {}, "null"),
    ],
)
def test_faults_of_a_file_are_one_line_with_its_path(tmp_path, text, arguments, message):
    path = _file(tmp_path, text)
    with pytest.raises(UserError) as error:
        Problem.from_file(path, **arguments)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_unreadable_files(tmp_path):
    with pytest.raises(UserError, match=r"nothing.py: no such file; give the path"):
        Problem.from_file(tmp_path / "nothing.py")
    with pytest.raises(UserError, match="cannot be read as a Python file: Is a directory"):
        Problem.from_file(tmp_path)
    (tmp_path / "latin.py").write_bytes(b"x = '\xff'\n")
    with pytest.raises(UserError, match="cannot be read as a Python file"):
        Problem.from_file(tmp_path / "latin.py")


def test_definitions_may_come_from_imports_and_conditions(tmp_path):
    text = "try:\n    from torch.nn import Identity as Model\nexcept ImportError:\n    Model = None\n"
    rest = "if True:\n    def get_inputs(): return [1]\nget_init_inputs = list\n"
    assert Problem.from_file(_file(tmp_path, text + rest)).load().make_model(0) is not None
