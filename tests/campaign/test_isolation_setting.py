"""A strict campaign works with all layers only; every campaign records which there were."""

import io

import pytest
from rich.console import Console
from search_fakes import FakeWorkshop

from egg_search.campaign import Campaign, isolation
from egg_search.campaign.isolation import IsolationMode
from egg_search.core.errors import UserError
from egg_search.reports.status import status_report
from evaluator.isolation.layers import Layer

NO_LANDLOCK = (Layer("namespaces", True, "all"), Layer("landlock", False, "not built in"), Layer("seccomp", True, "x"))


@pytest.fixture
def machine(monkeypatch):
    def has(layers):
        monkeypatch.setattr(isolation, "detect_layers", lambda: layers)

    return has


def test_strict_refuses_a_machine_without_a_layer(make_campaign, machine, tmp_path):
    machine(NO_LANDLOCK)
    with pytest.raises(UserError, match=r"strict: landlock is missing \(not built in\): use Linux 5.13"):
        make_campaign(isolation=IsolationMode.STRICT)
    assert not (tmp_path / "run").exists()


def test_strict_stays_strict_when_it_is_resumed_elsewhere(make_campaign, machine):
    machine(tuple(Layer(each.name, True, each.detail) for each in NO_LANDLOCK))
    campaign = make_campaign(evaluations=4, isolation=IsolationMode.STRICT)
    campaign.run()
    machine(NO_LANDLOCK)
    with pytest.raises(UserError, match="landlock is missing"):
        Campaign.resume(campaign.directory.path, workshop=FakeWorkshop())


def test_auto_works_with_what_there_is_and_records_it(make_campaign, machine):
    machine(NO_LANDLOCK)
    campaign = make_campaign(evaluations=4)
    campaign.run()
    directory = campaign.directory
    assert directory.hardware()["isolation"] == {
        "namespaces": "used: all",
        "landlock": "missing: not built in",
        "seccomp": "used: x",
    }
    console = Console(file=io.StringIO(), width=200)
    console.print(status_report(directory.path))
    shown = next(line for line in console.file.getvalue().splitlines() if line.startswith("isolation"))
    assert shown.split(maxsplit=1)[1].strip() == "namespaces, seccomp, landlock missing: not built in"
