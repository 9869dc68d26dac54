import pytest
from search_fakes import PROBLEM, FakeWorkshop

from egg_search.campaign import Campaign, Settings


@pytest.fixture
def problem_file(tmp_path):
    path = tmp_path / "identity.py"
    path.write_text(PROBLEM)
    return path


@pytest.fixture
def make_campaign(problem_file, tmp_path):
    """A campaign with the fake author and evaluator, in process."""

    def make(evaluations=40, name="run", workshop=None, **more):
        options = {"budget_s": None, "authors": ("fake",), "ray_address": "none", **more}
        settings = Settings(str(problem_file), max_evaluations=evaluations, **options)
        return Campaign.create(settings, tmp_path / name, workshop or FakeWorkshop())

    return make
