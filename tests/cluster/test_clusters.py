"""The contract of a cluster, on both kinds; then what only Ray can do: lose workers."""

import pytest
import ray
from fragile_workshop import FragileWorkshop
from search_fakes import HARDWARE, PROBLEM, FakeWorkshop, write

from egg_search.campaign import Campaign, Settings
from egg_search.cluster import LocalCluster, Task, connect, is_infrastructure, judge_all
from egg_search.core.candidate import Candidate, Dialect, content_hash
from egg_search.core.errors import UserError
from egg_search.core.verdict import Outcome
from evaluator.settings import Effort
from operators.base import AuthorError, Brief

FUSED = Candidate(write("fused"), Dialect.CPP)


@pytest.fixture(scope="module", params=["none", "local"])
def cluster(request, tmp_path_factory):
    workshop = FragileWorkshop(dies_on="deadly", scratch=tmp_path_factory.mktemp("scratch"))
    made = connect(workshop, request.param)
    yield made
    made.close()


def task(candidate=FUSED, effort=Effort.SCREEN, **knobs):
    return Task(candidate, {**candidate.default_configuration, **knobs}, effort)


def judge(cluster, tasks):
    return dict(judge_all(cluster, tasks, lambda: None))


def test_every_task_gets_its_own_verdict(cluster):
    tiles = (32, 64, 128)
    verdicts = judge(cluster, [task(K0_TILE_M=tile) for tile in tiles])
    assert sorted(verdicts) == [0, 1, 2]
    assert verdicts[0].timing.ms.value > verdicts[1].timing.ms.value > verdicts[2].timing.ms.value


def test_a_failed_build_is_a_verdict_and_stops_no_other(cluster):
    verdicts = judge(cluster, [task(K0_TILE_N=16), task()])
    assert (verdicts[0].outcome, verdicts[0].reason) == (Outcome.BUILD_FAILED, "no such tile")
    assert verdicts[1].ok


def test_the_time_to_beat_is_asked_when_a_measurement_starts(cluster):
    asked = []
    for _ in judge_all(cluster, [task(), task(K0_CHUNK=2)], lambda: asked.append(len(asked))):
        asked.append("verdict")
    assert asked == [0, "verdict", 2, "verdict"]


def test_an_unfinished_batch_can_be_left(cluster):
    next(iter(judge_all(cluster, [task(), task(K0_CHUNK=2)], lambda: None)))
    assert judge(cluster, [task()])[0].ok


@pytest.mark.parametrize("address", ["none", "local"])
def test_what_is_judged_after_new_inputs_is_known_before(address, tmp_path):
    log, tasks = tmp_path / "log", [task(), task(K0_CHUNK=2)]
    made = connect(FakeWorkshop(log_path=log), address)
    made.renew(tasks)
    made.close()
    assert log.read_text().split() == ["renew", *(content_hash(each.source)[:8] for each in tasks)]


def test_authors(cluster):
    brief = Brief("seed", None, HARDWARE, Dialect.CPP, 0)
    assert len(cluster.propose("seed", brief, "fake")()) == 3
    with pytest.raises(AuthorError, match="no key"):
        cluster.propose("seed", brief, "broken")()


def test_seconds_are_counted(cluster):
    before = dict(cluster.seconds)
    judge(cluster, [task()])
    assert cluster.seconds["build"] > before.get("build", 0)
    assert cluster.seconds["run"] > before.get("run", 0)


@pytest.mark.parametrize("address", ["none", "local"])
def test_a_problem_that_does_not_run_here_is_the_users_to_know(address):
    made = connect(FakeWorkshop(dies_on="baselines"), address)
    try:
        with pytest.raises(UserError, match="the Model fails here"):
            made.survey()
    finally:
        made.close()


def only_ray(cluster):
    if isinstance(cluster, LocalCluster):
        pytest.skip("there is no process to lose")


def test_a_dead_worker_is_replaced_and_the_measurement_retried(cluster):
    only_ray(cluster)
    verdicts = judge(cluster, [task(Candidate(write("fragile"), Dialect.CPP)), task()])
    assert verdicts[0].ok
    assert verdicts[1].ok


def test_a_measurement_that_kills_every_worker_is_not_blamed_on_its_candidate(cluster):
    only_ray(cluster)
    verdicts = judge(cluster, [task(Candidate(write("deadly"), Dialect.CPP)), task()])
    assert verdicts[0].outcome is Outcome.CRASHED
    assert is_infrastructure(verdicts[0])
    assert verdicts[1].ok


def test_a_build_that_kills_its_worker_stops_no_other(cluster):
    only_ray(cluster)
    verdicts = judge(cluster, [task(K0_CHUNK=8), task()])
    assert is_infrastructure(verdicts[0])
    assert verdicts[1].ok


def test_a_campaign_on_ray_finds_what_it_finds_in_process(tmp_path):
    problem = tmp_path / "identity.py"
    problem.write_text(PROBLEM)
    results, before = [], ray.is_initialized()
    for address in ("none", None):
        settings = Settings(str(problem), budget_s=None, max_evaluations=25, authors=("fake",), ray_address=address)
        results.append(Campaign.create(settings, tmp_path / str(address), FakeWorkshop()).run())
    assert [elite.job for elite in results[0].front] == [elite.job for elite in results[1].front]
    assert ray.is_initialized() == before
    assert results[1].engine_ms < 50


def test_a_judge_that_cannot_go_on_says_so_in_one_line(cluster):
    with pytest.raises(UserError, match=r"^baseline eager died$"):
        judge(cluster, [task(Candidate(write("no baseline"), Dialect.CPP))])
