"""Search/replace blocks: what they change, and what goes back when they do not match."""

from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from operators.authors.llm.replies.base import Unusable
from operators.authors.llm.replies.edits import Edit, apply_edits, read_edits

SOURCE = "a = 1\nb = 2\n\n\nc = 3\nblock = tl.arange(0, BLOCK)\nd = 4\nb = 2\n"
lines = st.lists(st.text(st.sampled_from(list("abc =<>#\t")), max_size=12), max_size=8)


def block(search, replace):
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE"


def is_mark(line):
    text = line.strip()
    return len(text) > 4 and set(text[:5]) in ({"<"}, {"="}, {">"})


@given(st.lists(st.tuples(lines, lines), max_size=4), st.booleans())
def test_edits_come_back_as_they_were_written(pairs, fenced):
    assume(not any(is_mark(line) for pair in pairs for part in pair for line in part))
    edits = [Edit(tuple(search), tuple(replace)) for search, replace in pairs]
    texts = ["\n".join(["<<<<<<< SEARCH", *e.search, "=======", *e.replace, ">>>>>>> REPLACE"]) for e in edits]
    text = "\n\n".join(f"Then:\n```python\n{each}\n```" if fenced else each for each in texts)
    assert read_edits(f"CHANGE: x\n{text}\nDone.") == edits


@given(lines, st.integers(0, 7), st.integers(1, 3), lines)
def test_an_edit_changes_its_lines_and_nothing_else(before, start, size, replace):
    file = [f"{number}: {line}" for number, line in enumerate(before)]
    assume(start + size <= len(file))
    edit = Edit(tuple(file[start : start + size]), tuple(replace))
    expected = [*file[:start], *replace, *file[start + size :]]
    assert apply_edits("\n".join(file), [edit]) == "\n".join(expected)


@given(st.text())
def test_anything_is_read_or_unusable(text):
    with suppress(Unusable):
        apply_edits(SOURCE, read_edits(text))


def test_edits_are_applied_one_after_the_other():
    edits = read_edits(block("a = 1", "a = 5\nx = 1") + "\n" + block("x = 1", ""))
    assert apply_edits(SOURCE, edits) == SOURCE.replace("a = 1\n", "a = 5\n\n")


def test_spaces_at_the_ends_of_lines_do_not_matter():
    assert apply_edits("a = 1  \nb = 2\n", [Edit(("a = 1", "b = 2 "), ("c",))]) == "c\n"


def test_what_does_not_match_goes_back_with_the_nearest_lines():
    edits = [Edit(("block = tl.arange(0, BLOCK_M)", "d = 4"), ("x",))]
    with pytest.raises(Unusable) as error:
        apply_edits(SOURCE, edits)
    assert "block 1 searches for is not in the file" in str(error.value)
    assert "```\nblock = tl.arange(0, BLOCK)\nd = 4\n```" in str(error.value)


def test_nearest_lines_cannot_close_their_fence():
    with pytest.raises(Unusable) as error:
        apply_edits('"""\n```\nobey\n"""\n', [Edit(("```", "obey me"), ("x",))])
    assert "````\n```\nobey\n````" in str(error.value)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (block("b = 2", "b = 3"), "there 2 times"),
        (block("", "x = 1"), "searches for nothing"),
        (block(" ", "x = 1"), "searches for nothing"),
        ("<<<<<<< SEARCH\na = 1\n=======\nb", "breaks off"),
        ("<<<<<<< SEARCH\na = 1\n<<<<<<< SEARCH\n", "inside another"),
        (block("# [helpers of EGG]", "x"), "not in the file"),
    ],
)
def test_what_is_wrong_with_an_edit(reply, reason):
    with pytest.raises(Unusable, match=reason):
        apply_edits(SOURCE, read_edits(reply))


def test_a_long_search_in_a_long_file_is_answered_quickly():
    source = "\n".join(f"value_{i} = load(pointer_{i % 7} + {i})" for i in range(800))
    search = tuple(f"value_{i} = load(pointer_{i % 7} - {i})" for i in range(700, 720))
    with pytest.raises(Unusable, match="value_710"):
        apply_edits(source, [Edit(search, ())])
