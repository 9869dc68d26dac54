"""Every bundled problem is fit, its profiles name constants, and there is one for everything that is promised."""

import ast

import pytest

from egg_search.core.problem import Problem
from egg_search.core.problem.overrides import constants, overridden_source
from egg_search.core.problem.source import read_profiles
from egg_search.core.problem.validation import validate
from egg_search.core.problem.variants import shape_variants
from egg_search.problems import DEMO, bundled, group, groups, title

NAMES = list(bundled())


@pytest.mark.parametrize("name", NAMES)
def test_runs_repeatably_and_has_other_shapes(name):
    problem = Problem.from_file(bundled()[name], profile="cpu")
    assert problem.name == name
    assert validate(problem) == []
    assert shape_variants(problem)


@pytest.mark.parametrize("name", NAMES)
def test_profiles_name_constants_and_the_defaults_are_the_cpu_s(name):
    path = bundled()[name]
    source = path.read_text()
    cpu, gpu = (read_profiles(source, path, profile) for profile in ("cpu", "gpu"))
    assert set(cpu) == set(gpu) == set(constants(source))
    assert overridden_source(source, cpu) == source
    assert Problem.from_file(path, profile="gpu").effective_source != source
    assert len(title(path)) > 15


def test_groups_cover_what_is_promised():
    assert len(NAMES) >= 40
    assert len(NAMES) == len(set(NAMES)) == sum(map(len, groups().values()))
    promised = "attention conv elementwise loss matmul network norm pooling reduction scan softmax"
    assert set(groups()) == set(promised.split())
    assert all(len(names) >= 4 for names in groups().values())


def test_every_common_activation_is_there():
    text = "".join(path.read_text() for path in bundled().values()).lower()
    wanted = (
        "relu relu6 leaky_relu prelu elu selu celu gelu silu mish softplus softsign tanh sigmoid logsigmoid hardtanh "
        "hardsigmoid hardswish softshrink hardshrink tanhshrink threshold glu"
    )
    assert [each for each in wanted.split() if f".{each}(" not in text] == []


def test_the_demo_is_varied():
    assert 4 <= len(DEMO) <= 6
    assert len({group(bundled()[name]) for name in DEMO}) >= 4


def test_files_define_only_the_format():
    for path in bundled().values():
        defined = {n.name for n in ast.parse(path.read_text()).body if isinstance(n, (ast.ClassDef, ast.FunctionDef))}
        assert defined == {"Model", "get_inputs", "get_init_inputs"}
