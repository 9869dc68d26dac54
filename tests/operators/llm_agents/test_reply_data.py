"""JSON as models write it, and what is made of it."""

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.authors.llm.replies.base import Unusable, answer
from operators.authors.llm.replies.data import read_object
from operators.authors.llm.replies.diagnosis import Diagnosis, read_diagnosis
from operators.authors.llm.replies.edits import read_edits
from operators.authors.llm.replies.file import read_file
from operators.authors.llm.replies.plans import Plan, read_plans

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(['a"b', "//x", "/*", "},", "{["]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=6), values, max_size=4)
FORMS = [
    lambda text: text,
    lambda text: f"Here it is:\n```json\n{text}\n```\nI hope that {{helps}}.",
    lambda text: f"The plan is {text} as asked.",
    lambda text: f"```\n{text}",
    lambda text: f"```json\n// mine\n{text[:-1]} /* end */ {',' if text != '{}' else ''}\n}}\n```",
]


@given(objects, st.sampled_from(FORMS), st.booleans())
def test_an_object_is_found_in_what_is_around_it(data, form, pretty):
    assert read_object(form(json.dumps(data, indent=2 if pretty else None))) == data


@given(objects)
def test_python_literals_are_read_too(data):
    assert read_object(f"```\n{data!r}\n```") == data


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@given(st.text(st.sampled_from(list('{}[]",:\\/ab1\n`')), max_size=80))
def test_anything_is_read_or_unusable(text):
    with suppress(Unusable):
        assert isinstance(read_object(text), dict)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ('{"a": [1, 2, {"b": "cut sho', {"a": [1, 2, {"b": "cut sho"}]}),
        ('{"a": [1, 2,', {"a": [1, 2]}),
        ("{'a': True, 'b': None}", {"a": True, "b": None}),
        ('{"url": "http://x", } // done', {"url": "http://x"}),
    ],
)
def test_what_models_get_wrong(text, expected):
    assert read_object(text) == expected


@pytest.mark.parametrize("text", ["", "no", "[1]", "{" * 5000, "[" * 100000, '{"a"}', "{x}"])
def test_what_is_no_object(text):
    with pytest.raises(Unusable):
        read_object(text)


@pytest.mark.parametrize(
    "piece", ["/*", '\\"', '{"', '"\\', '{"a":', ",\n", "[,", "<think>", "```\n", "<<<<<<< SEARCH\n"]
)
def test_readers_take_no_long_time(piece):
    text, start = answer(piece * 20000), time.monotonic()
    for read in (read_object, read_file, read_edits):
        with suppress(Unusable):
            read(text)
    assert time.monotonic() - start < 5


def test_plans_forgive_types():
    text = """{"plans": [
      {"paradigm": "One pass", "idea": "x", "kernels": "K0: all", "reach_ms": 0.5, "knobs": [{"name": "K0_A"}],
       "more": 1},
      {"paradigm": "one pass", "idea": "again"}, {"paradigm": "empty"}, 3,
      {"paradigm": "Two\\npasses", "idea": "y", "reach_ms": "fast"}
    ]}"""
    assert read_plans(text) == [
        Plan("One pass", "x", ("K0: all",), reach_ms=0.5, knobs=("name: K0_A",)),
        Plan("Two passes", "y"),
    ]


def test_a_single_plan_needs_no_list():
    assert read_plans('{"paradigm": "p", "idea": "i"}') == [Plan("p", "i")]


@pytest.mark.parametrize("text", ['{"plans": []}', '{"plans": "none"}', '{"x": 1}', '{"plans": [{"idea": "i"}]}'])
def test_what_is_no_plan(text):
    with pytest.raises(Unusable, match="plan"):
        read_plans(text)


def test_a_diagnosis_names_a_bottleneck_of_the_list():
    text = '{"bottleneck": "Memory-bound", "evidence": "reads twice", "plan": ["a", "", "b"]}'
    assert read_diagnosis(text) == Diagnosis("memory", ("reads twice",), ("a", "b"))
    with pytest.raises(Unusable, match="bottleneck"):
        read_diagnosis('{"bottleneck": "karma"}')
