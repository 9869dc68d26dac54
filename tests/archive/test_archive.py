"""The contract of `Archive.add`, and what holds of any archive."""

from dataclasses import replace
from math import log

import pytest
from archive_cases import FAILURE, entries, fill, verdict
from hypothesis import given

from egg_search.archive import AddResult, AddStatus, Admission, Archive
from egg_search.core.step import Job
from egg_search.core.verdict import PrecisionClass

LOOSE = PrecisionClass.LOOSE


def test_new_improved_not_added():
    archive = Archive()
    statuses = fill(archive, [("a", verdict(1.0)), ("a", verdict(2.0)), ("a", verdict(1.5)), ("b", FAILURE)])
    assert [s.status for s in statuses] == ["new", "improved", "not added", "not added"]
    assert statuses[0].gain == 0
    assert statuses[1].gain == pytest.approx(log(2))
    assert archive.best().job == Job("1")


def test_a_win_within_noise_is_no_improvement():
    archive = Archive()
    archive.add(Job("0"), "a", verdict(2.0))
    for close in (verdict(2.03), verdict(2.03, width=0.001, margin=0.05), verdict(2.3, width=0.2)):
        assert archive.add(Job("1"), "a", close) == AddResult(AddStatus.NOT_ADDED)
    assert archive.add(Job("2"), "a", verdict(2.1)).status is AddStatus.IMPROVED


def test_a_new_structure_gains_what_it_adds_to_the_best():
    archive = Archive()
    archive.add(Job("0"), "a", verdict(2.0))
    assert archive.add(Job("1"), "b", verdict(1.0)) == AddResult(AddStatus.NEW, 0.0)
    assert archive.add(Job("2"), "c", verdict(3.0)).gain == pytest.approx(log(1.5))


def test_precision_classes_have_niches_of_their_own_and_must_be_admitted():
    fast = verdict(9.0, norm=1e-3, precision=PrecisionClass.TF32)
    assert Archive().add(Job("0"), "a", fast).status is AddStatus.NOT_ADDED
    archive = Archive(Admission(PrecisionClass.TF32))
    archive.add(Job("0"), "a", verdict(2.0))
    assert archive.add(Job("1"), "a", fast).status is AddStatus.NEW
    assert len(archive) == 2
    assert archive.best(PrecisionClass.FAITHFUL).job == Job("0")
    assert [elite.job for elite in archive.front()] == [Job("1"), Job("0")]


def test_contenders_include_runners_up():
    archive = Archive()
    fill(archive, [("a", verdict(3.0)), ("a", verdict(2.9)), ("b", verdict(1.0)), ("a", verdict(5.0))])
    assert [elite.job for elite in archive.contenders(3)] == [Job("3"), Job("0"), Job("1")]


def test_luck_with_few_samples_does_not_lead_the_contenders():
    archive = Archive()
    fill(archive, [("a", verdict(9.0, width=0.9)), ("b", verdict(3.0)), ("c", verdict(2.0))])
    assert [elite.job for elite in archive.contenders(3)] == [Job("1"), Job("2"), Job("0")]


@given(entries)
def test_gains_add_up_and_statuses_tell_the_truth(drawn):
    archive = Archive(Admission(LOOSE))
    for i, (signature, each) in enumerate(drawn):
        before = {(e.signature, e.precision): e for e in archive}
        added = archive.add(Job(str(i)), signature, each)
        after = {(e.signature, e.precision): e for e in archive}
        assert added.gain >= 0
        assert (added.status is AddStatus.NEW) == (len(after) == len(before) + 1)
        changed = {niche for niche in before if before[niche] is not after[niche]}
        assert (added.status is AddStatus.IMPROVED) == bool(changed)
        for niche in changed:
            assert after[niche].score - before[niche].score == pytest.approx(added.gain)


@given(entries)
def test_refilling_gives_the_same_archive(drawn):
    first, second = Archive(Admission(LOOSE)), Archive(Admission(LOOSE))
    assert fill(first, drawn) == fill(second, drawn)
    assert list(first) == list(second)
    assert first.front() == second.front()


@pytest.mark.parametrize(
    ("flags", "counts"),
    [((), True), (("patch: time.time",), True), (("library-only: x",), False), (("unreadable: y",), False)],
)
def test_where_ports_do_not_count_flags_decide(flags, counts):
    strict, judged = Admission(library_ports=False), replace(verdict(2.0), flags=flags)
    assert strict(judged) is strict.as_seen(judged).ok is counts
    assert Admission()(judged)
    assert Archive(strict).add(Job("0"), "a", judged).status is (AddStatus.NEW if counts else AddStatus.NOT_ADDED)


def test_a_failure_stays_what_it_is():
    assert Admission(library_ports=False).as_seen(FAILURE) is FAILURE
