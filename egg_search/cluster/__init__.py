"""Where work runs: authors, build workers and one measuring worker a device, behind one interface.

`RayCluster` spreads them over processes and machines; `LocalCluster` runs them in the driver.
"""

from egg_search.cluster.base import Cluster, ClusterLost, Key, Proposal, Task, Workshop, is_infrastructure, judge_all
from egg_search.cluster.local import LocalCluster
from egg_search.cluster.workshop import CampaignWorkshop


def connect(workshop: Workshop, address: str | None) -> Cluster:
    """`address`: None or "local" starts Ray here, "none" does without Ray, anything else is a Ray cluster to join."""
    if address == "none":
        return LocalCluster(workshop)
    from egg_search.cluster.ray_cluster import RayCluster  # 0.8 s, and not needed without Ray

    return RayCluster(workshop, address)


__all__ = [
    "CampaignWorkshop",
    "Cluster",
    "ClusterLost",
    "Key",
    "LocalCluster",
    "Proposal",
    "Task",
    "Workshop",
    "connect",
    "is_infrastructure",
    "judge_all",
]
