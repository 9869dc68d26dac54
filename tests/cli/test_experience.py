"""A user's own record of principles: shown where there is one, and written by no `egg bench` or `egg demo`. That runs
write it unless they shall not is in the tests of whole runs."""

import pytest
import typer

from egg_search.cli import bench, demo, many
from egg_search.experience import CampaignRecord, Outcome, Situation, Store, store_path
from principles import load

NAME = next(iter(load())).name


def remember(*outcomes):
    here = Situation("p", "cuda", "NVIDIA H100", ("matmul",), "memory", "float32")
    Store(store_path()).write(CampaignRecord("c", "x", 1.0, here, outcomes))


def test_the_record_of_a_principle(egg):
    assert "not tried yet" in egg("principles", "show", NAME).stdout
    plain = egg("principles", "list").stdout
    remember(Outcome(NAME, 4, (0.0953, 0.1823, 0.2624)))
    shown = egg("principles", "show", NAME).stdout
    assert "tried 4, won 3, median gain 1.20x, in 1 campaign" in shown
    assert "NVIDIA H100: tried 4, won 3" in shown
    assert "best for memory-bound matmul in float32 on NVIDIA H100" in shown
    listed = egg("principles", "list").stdout
    assert " 3/4 " in listed and " 3/4 " not in plain
    assert len(listed.splitlines()) == len(plain.splitlines())


def test_a_broken_store_hides_nothing_else(egg):
    store_path().write_text("not SQLite, but long enough to look at" * 10)
    done = egg("principles", "show", NAME)
    assert done.returncode == 0 and NAME in done.stdout
    assert len(done.stderr.splitlines()) == 1 and str(store_path()) in done.stderr


def test_bench_and_demo_leave_none(monkeypatch, tmp_path):
    class Enough(Exception):
        pass

    def look(suite, parallel=1):
        assert suite.settings.experience is False
        raise Enough

    monkeypatch.setattr(many, "run_suite", look)
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(bench.bench)
    app.command()(demo.demo)
    for command in (["bench", "--ray-address", "none", "--device", "cpu"], ["demo"]):
        with pytest.raises(Enough):
            typer.main.get_command(app)(command, standalone_mode=False)
