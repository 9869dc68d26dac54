"""What is judged next is built ahead, once, and beside each other."""

import threading
import time

import pytest

from egg_search.core.errors import UserError
from evaluator.build.build import BuildReport
from evaluator.build.builds import Builds


def test_what_is_wanted_soon_is_built_beside_each_other_and_once(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    together, built = threading.Barrier(2, timeout=20), []

    def build(source, root):
        together.wait()  # alone it would wait for ever
        built.append((source, root))
        return BuildReport(None, source, 0.1, cached=False)

    builds = Builds(tmp_path, build, ["a", "b", "a"])
    assert [builds.report(each).reason for each in ("a", "b")] == ["a", "b"]
    assert sorted(built) == [("a", tmp_path), ("b", tmp_path)]
    builds.close()


def test_what_nobody_expected_is_built_when_it_is_wanted(tmp_path):
    builds = Builds(tmp_path, lambda source, root: BuildReport(None, source, 0.1, cached=False))
    assert builds.report("a").ok
    builds.close()


def test_what_a_build_raises_comes_where_it_is_waited_for(tmp_path):
    def build(source, root):
        raise UserError("the disk is full")

    builds = Builds(tmp_path, build, ["a"])
    with pytest.raises(UserError, match="full"):
        builds.report("a")
    builds.close()


def test_what_began_can_be_waited_for_and_ends_before_it_is_closed(tmp_path):
    begun, ended = threading.Event(), []

    def build(source, root):
        begun.set()
        time.sleep(0.2)
        ended.append(source)
        return BuildReport(None, source, 0.2, cached=False)

    builds = Builds(tmp_path, build, ["a"])
    builds.wait()
    assert ended == ["a"]
    builds.close()
    begun.clear()
    builds = Builds(tmp_path, build, ["b"])
    assert begun.wait(20)
    builds.close()
    assert ended == ["a", "b"]
