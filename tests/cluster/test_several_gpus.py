"""Several GPUs of one and of several nodes, without any: Ray believes in resources, and the workshop in Ray."""

import time
from collections import Counter
from itertools import islice, product

import pytest
import ray
from gpu_workshop import GPU, GpuWorkshop
from ray.cluster_utils import Cluster
from search_fakes import PROBLEM, write

from egg_search.campaign import Campaign, Settings
from egg_search.cluster import Task, is_infrastructure, judge_all
from egg_search.cluster.ray_cluster import RayCluster
from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.errors import UserError
from egg_search.core.verdict import Outcome
from evaluator.settings import Effort

FUSED = Candidate(write("fused"), Dialect.TRITON)
TILES = (16, 32, 64, 128)
ONE, TWO = (4,), (2, 2)  # GPUs of each node
on_one_node = pytest.mark.parametrize("nodes", [ONE], indirect=True, ids=["one node"], scope="module")


@pytest.fixture(scope="module", params=[ONE, TWO], ids=["one node", "two nodes"])
def nodes(request):
    """A Ray cluster with so many GPUs a node."""
    made = Cluster()
    for gpus in request.param:
        made.add_node(num_cpus=2, num_gpus=gpus, object_store_memory=80 << 20, include_dashboard=False)
    ray.init(address=made.address, log_to_driver=False)
    yield request.param
    ray.shutdown()
    made.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gpus")


@pytest.fixture
def log(folder):
    """What the workers of one test write."""
    path = folder / "log"
    path.write_text("")
    path.with_name("died").unlink(missing_ok=True)
    return path


def tasks(count, candidate=FUSED, chunk=1):
    """Different configurations."""
    tiles = islice(product(TILES, TILES), count)
    knobs = [{"K0_CHUNK": chunk, "K0_TILE_M": m, "K0_TILE_N": n} for m, n in tiles]
    return [Task(candidate, {**candidate.default_configuration, **each}, Effort.SCREEN) for each in knobs]


def judged(cluster, these):
    return [verdict for _, verdict in sorted(judge_all(cluster, these, lambda: None), key=lambda each: each[0])]


def lines(log, what):
    return [line.split()[1:] for line in log.read_text().splitlines() if line.startswith(what)]


def await_builds(log, count):
    deadline = time.monotonic() + 60
    while len(lines(log, "build")) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)  # they are noted when they begin


@pytest.fixture(scope="module")
def cluster(nodes, folder):
    """Holds all GPUs from its first test on: tests with clusters of their own come before."""
    made = RayCluster(GpuWorkshop(log_path=folder / "log", pause=0.1, slow=3.0))
    yield made
    made.close()


@on_one_node
def test_a_campaign_uses_them_all(nodes, log, tmp_path):
    problem = tmp_path / "identity.py"
    problem.write_text(PROBLEM)
    settings = Settings(
        str(problem), budget_s=None, max_evaluations=60, authors=("fake",), dialects=(Dialect.TRITON,), batch=2
    )
    result = Campaign.create(settings, tmp_path / "run", GpuWorkshop(log_path=log)).run()
    assert result.evaluations >= 60 and result.certified
    assert len({device for device, *_ in lines(log, "run")}) == 4
    with Campaign.resume(tmp_path / "run", workshop=GpuWorkshop(log_path=log)).directory.read() as reader:
        tuned = [len(record.jobs) for record in reader.steps() if record.step.operator == "tune"]
    assert max(tuned) == 2 * 4, "a batch a device"


@on_one_node
def test_one_model_is_measured_and_others_are_named(nodes, log):
    cluster = RayCluster(GpuWorkshop(log_path=log, others=("1", "3")))
    try:
        assert cluster.devices == 2
        (note,) = cluster.survey().cluster
        assert note == f"mixed GPUs: this campaign measures on {GPU.model} only, and leaves out 2 x another GPU"
        judged(cluster, tasks(6))
        assert {device.partition(":")[2] for device, *_ in lines(log, "run")} <= {"0", "2"}
    finally:
        cluster.close()


@on_one_node
def test_none_of_the_model_is_an_error(nodes, log):
    with pytest.raises(UserError, match="has no imaginary GPU to measure on; it has 4 x another GPU"):
        RayCluster(GpuWorkshop(log_path=log, others=("0", "1", "2", "3")))


def test_evaluations_are_spread_over_all_devices(nodes, cluster, log):
    assert (cluster.devices, cluster.ahead, cluster.notes) == (4, 20, ())
    judged(cluster, tasks(8, chunk=2))  # builders start slowly: they make way for others
    log.write_text("")
    assert all(verdict.ok for verdict in judged(cluster, tasks(16)))
    measured = Counter(device for device, *_ in lines(log, "run"))
    assert len(measured) == 4 and min(measured.values()) >= 2
    by_node = Counter(device.partition(":")[0] for device in measured)
    assert sorted(by_node.values()) == sorted(nodes)
    built = Counter(device.partition(":")[0] for (device,) in lines(log, "build"))
    assert sum(built.values()) == 16 and len(built) == len(nodes)


def test_all_devices_measure_baselines_before_one_measures_anything_else(cluster, log):
    assert cluster.survey().devices == 4
    assert len({device for (device,) in lines(log, "survey")}) == 4 and not lines(log, "run")


def test_builds_of_a_node_serve_all_its_devices(cluster, log):
    """While one device is held up, what its builder built is measured by others."""
    slow, *quick = [*tasks(1, chunk=8), *tasks(12)]
    assert all(verdict.ok for verdict in judged(cluster, [slow, *quick]))
    (held, chunk, _), *others = lines(log, "run")
    assert chunk == "8" and len(others) == 12
    assert held not in {device for device, *_ in others}, "it is held up for longer than all others take"


@on_one_node
def test_what_is_submitted_is_being_built_before_anybody_takes_a_verdict(cluster, log):
    cluster.clear()
    for index, each in enumerate(tasks(4)):
        cluster.submit(index, each)
    await_builds(log, 4)
    assert not lines(log, "run")
    verdicts = dict(cluster.take(lambda: None) for _ in range(4))
    assert sorted(verdicts) == [0, 1, 2, 3] and all(verdict.ok for verdict in verdicts.values())
    assert len(lines(log, "build")) == 4


@on_one_node
def test_the_next_is_measured_while_nobody_takes_verdicts(cluster, log):
    """One is measured on each device, then one more on the device whose verdict was taken."""
    cluster.clear()
    for index, each in enumerate(tasks(8)):
        cluster.submit(index, each)
    await_builds(log, 8)
    cluster.take(lambda: None)
    time.sleep(1.0)
    assert len(lines(log, "run")) == 5


@on_one_node
def test_a_lost_context_ends_its_process_and_the_measurement_is_tried_again(cluster, log):
    lost = Candidate(write("lost"), Dialect.TRITON)
    (first, *rest) = judged(cluster, [*tasks(1, lost, chunk=2), *tasks(4)])
    assert first.ok and all(verdict.ok for verdict in rest)
    tried = [(device, pid) for device, chunk, pid in lines(log, "run") if chunk == "2"]
    (device, died), (again, lives) = tried
    assert device == again and died != lives, "the same device, in a new process"


@on_one_node
def test_a_context_that_is_lost_again_is_no_fault_of_the_candidate(cluster, log):
    always = Candidate(write("always"), Dialect.TRITON)
    (first, *rest) = judged(cluster, [*tasks(1, always), *tasks(4)])
    assert (first.outcome, is_infrastructure(first)) == (Outcome.CRASHED, True)
    assert all(verdict.ok for verdict in rest)
