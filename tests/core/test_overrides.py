"""Overrides rewrite constants and nothing else; what depends on them follows."""

import ast
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egg_search.core.errors import UserError
from egg_search.core.problem import overridden_source, parse_overrides
from egg_search.core.problem.overrides import constants

NAMES = ["a", "b", "c", "größe", "dim"]
name = st.sampled_from(NAMES)
number = st.integers(-5, 5).map(str)
expression = st.one_of(number, st.just('len("ü")'), st.builds("({}\n    + {})".format, number, number))
dependent = st.one_of(expression, st.builds("{} * 2 + {}".format, name, number))
statement = st.one_of(
    st.builds("{} = {}".format, name, dependent),
    st.builds("{}: int = {}  # ünits".format, name, dependent),
    st.builds("{}, {} = {}, {}".format, name, name, dependent, number),
    st.builds("({}, [{}, *{}]) = ({}, (1, 2, 3))".format, name, name, name, number),
    st.builds("{} = {} = {}  # twice".format, name, name, dependent),
    st.builds('text = "é"; {} = {}; other = 1'.format, name, dependent),
    st.builds("{}, {} = pair".format, name, name),
    st.just("# a comment\n"),
)
HEADER = "a = b = c = größe = dim = 1\npair = (7, 8)\n"
value = st.one_of(st.integers(-100, 100), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5))


@given(st.lists(statement, max_size=6), st.dictionaries(name, value, max_size=3), st.sampled_from(["\n", "\r\n"]))
def test_every_assignment_to_an_overridden_name_gives_the_override(statements, overrides, newline):
    source = (HEADER + "\n".join(statements) + "\n").replace("\n", newline)
    rewritten = overridden_source(source, overrides)
    try:
        expected = _run_pinned(source, overrides)
    except (TypeError, OverflowError) as error:  # a text times two plus a number, perhaps where the override stands now
        with suppress(type(error)):
            exec(rewritten, {})
        return
    namespace = {}
    exec(rewritten, namespace)
    assert {key: namespace[key] for key in expected} == expected
    assert rewritten.count("# ") >= source.count("# ")
    assert _others(rewritten, overrides) == _others(source, overrides)


def _others(source, overrides):
    """The statements that assign no overridden name."""
    return [
        ast.dump(statement)
        for statement in ast.parse(source).body
        if not any(isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in overrides
                   for node in ast.walk(statement))
    ]  # fmt: skip


def _run_pinned(source, overrides):
    """The oracle: run statement by statement, and pin every overridden name again after each."""
    namespace = {}
    for node in ast.parse(source).body:
        exec(compile(ast.Module([node], []), "<oracle>", "exec"), namespace)
        namespace.update(overrides)
    del namespace["__builtins__"]
    return namespace


@given(st.lists(statement, max_size=6))
def test_no_override_changes_no_byte(statements):
    source = HEADER + "\n".join(statements)
    assert overridden_source(source, {}) == source


def test_the_right_hand_side_is_replaced_in_place():
    source = "batch, dim = 4, 64  # sizes\nhidden: int = (\n    dim * 4\n)\nscale = shape = 1, 2\n"
    assert overridden_source(source, {"dim": 96, "batch": 1}).startswith("batch, dim = 1, 96  # sizes\nhidden: int = (")
    assert "scale = shape = 1, 2; shape = (3, 4)\n" in overridden_source(source, {"shape": (3, 4)})


@pytest.mark.parametrize(
    "source",
    [
        "n = 1\nn += 1",
        "n = 1\nif True:\n    n = 2",
        "n = 1\nfor n in range(3): pass",
        "n = 1\ndel n",
        "def n(): pass",
        "import n",
        "n: int",
        "x = [n for n in range(3)]",
        "x = 1\ndef f():\n    n = 2",
        "PROFILES = {}",
    ],
)
def test_what_is_no_constant_is_not_set(source):
    assert "n" not in constants(source)
    with pytest.raises(UserError, match="no module-level constant n to set; it has"):
        overridden_source(source, {"n": 3})


def test_a_comprehension_or_function_does_not_hide_a_constant():
    source = "n = 4\nx = [n for n in range(3)]\ndef f():\n    n = 2\n"
    assert "n = 8\n" in overridden_source(source, {"n": 8})


@pytest.mark.parametrize("bad", [float("inf"), float("nan"), object(), len])
def test_values_without_literal_form_are_refused(bad):
    with pytest.raises(UserError, match="no form as a Python literal"):
        overridden_source("n = 1", {"n": bad})


def test_parse_overrides():
    settings = ["dim=1024", "mode = 'a=b'", "shape=(1, 2)", "flag=False", "eps=1e-5", "x=-3"]
    assert parse_overrides(settings) == {
        "dim": 1024, "mode": "a=b", "shape": (1, 2), "flag": False, "eps": 1e-5, "x": -3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["dim"], "--set dim: write it as NAME=VALUE"),
        (["3=4"], "--set 3=4: write it as NAME=VALUE"),
        (["dim="], "'' is not a Python literal"),
        (["dim=fast"], "'fast' is not a Python literal; put quotes around text"),
        (["dim=f()"], "is not a Python literal"),
        (["dim=1", "dim=2"], "--set dim=2: dim is set twice"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(UserError) as error:
        parse_overrides(settings)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
