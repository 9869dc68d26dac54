"""A machine of a Ray cluster that is switched off in the middle of a batch."""

import threading
import time

import pytest
import ray
from gpu_workshop import GpuWorkshop
from ray.cluster_utils import Cluster
from search_fakes import write

from egg_search.cluster import Task, judge_all
from egg_search.cluster.ray_cluster import RayCluster
from egg_search.core.candidate import Candidate, Dialect
from evaluator.settings import Effort

CANDIDATE = Candidate(write("fused"), Dialect.TRITON)


@pytest.mark.chaos  # Ray takes ten seconds to notice
def test_what_a_lost_machine_had_others_build_and_measure(tmp_path):
    log = tmp_path / "log"
    log.touch()
    nodes = Cluster()
    small = {"num_cpus": 2, "object_store_memory": 80 << 20}
    nodes.add_node(num_gpus=1, include_dashboard=False, **small)
    doomed = nodes.add_node(num_gpus=2, **small)
    ray.init(address=nodes.address, log_to_driver=False)
    try:
        cluster = RayCluster(GpuWorkshop(log_path=log, pause=0.3))
        chunks = [(chunk, tile) for chunk in (1, 2, 4) for tile in (16, 32, 64, 128)]
        tasks = [
            Task(CANDIDATE, {**CANDIDATE.default_configuration, "K0_CHUNK": chunk, "K0_TILE_M": tile}, Effort.SCREEN)
            for chunk, tile in chunks
        ]
        verdicts, lost = {}, threading.Event()

        def switch_off():
            nodes.remove_node(doomed, allow_graceful=False)
            lost.set()

        for index, verdict in judge_all(cluster, tasks, lambda: None):
            verdicts[index] = verdict
            if len(verdicts) == 2:
                threading.Thread(target=switch_off).start()
        assert lost.is_set() and sorted(verdicts) == list(range(len(tasks)))
        assert all(verdict.ok for verdict in verdicts.values())
        cluster.renew()
        begin = time.monotonic()
        assert all(verdict.ok for _, verdict in judge_all(cluster, tasks[:4], lambda: None))
        assert time.monotonic() - begin < 30, "it is known by now"
        cluster.close()
    finally:
        ray.shutdown()
        nodes.shutdown()
