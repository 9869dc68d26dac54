import sqlite3
import sys
import tarfile
from functools import partial
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "campaign"), str(HERE.parent / "cli")]  # fakes

from search_fakes import PROBLEM, FakeWorkshop  # noqa: E402

from egg_search.campaign import Campaign, Settings  # noqa: E402
from egg_search.rundir.digests import digest_of  # noqa: E402


@pytest.fixture(scope="session")
def campaign_in():
    """Makes a campaign with the fake author and evaluator, in process, in a folder."""

    def make(folder, evaluations=40, name="run", workshop=None, **more):
        problem = folder / "identity.py"
        problem.write_text(PROBLEM)
        options = {"budget_s": None, "authors": ("fake",), "ray_address": "none", "experience": False, **more}
        settings = Settings(str(problem), max_evaluations=evaluations, **options)
        return Campaign.create(settings, folder / name, workshop or FakeWorkshop())

    return make


@pytest.fixture
def make_campaign(tmp_path, campaign_in):
    return partial(campaign_in, tmp_path)


@pytest.fixture
def recorded(tmp_path):
    """The recorded campaign; `make_recorded.py` says what it is."""
    with tarfile.open(HERE / "recorded.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "recorded"


@pytest.fixture
def tamper():
    """Changes a journal with SQL; with `consistent` its digests, too, as if it had happened so."""

    def change(path, query, *values, consistent=False):
        with sqlite3.connect(path / "journal.sqlite") as db:
            assert db.execute(query, values).rowcount == 1, query
            if consistent:
                for seq, *event in db.execute("SELECT seq, kind, step, position FROM events").fetchall():
                    db.execute("UPDATE events SET digest = ? WHERE seq = ?", (digest_of(db, *event), seq))

    return change
