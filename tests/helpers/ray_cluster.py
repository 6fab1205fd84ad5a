"""A Ray cluster of several nodes on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

MISSING = "" if find_spec("ray") else "ray is not installed"
STORE_BYTES = 80 << 20
PATIENCE = 90.0


def wait_until(happened: Callable[[], bool]) -> None:
    """Return when something has happened."""
    until = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


class SmallCluster:
    """A head without CPUs, and nodes with few."""

    def __init__(self, nodes: int = 2, cpus: int = 1) -> None:
        os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}
        from ray.cluster_utils import Cluster

        self._cluster = Cluster()
        self._add(0)
        self.address: str = self._cluster.address
        self.nodes = [self.add(cpus) for _ in range(nodes)]

    def add(self, cpus: int = 1) -> Any:
        """Start one more node."""
        return self._add(cpus)

    def _add(self, cpus: int) -> Any:
        return self._cluster.add_node(
            num_cpus=cpus, object_store_memory=STORE_BYTES, include_dashboard=False, wait=False
        )

    def kill(self, node: Any) -> None:
        """End a node at once, as when its machine is gone."""
        if node in self.nodes:
            self.nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def kill_head(self) -> None:
        """End the node that knows all others."""
        self.kill(self._cluster.head_node)

    def stop(self) -> None:
        """End all nodes."""
        self._cluster.shutdown()
