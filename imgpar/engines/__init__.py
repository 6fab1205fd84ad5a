"""Engines do the jobs of a run: the workers of this machine, or a cluster.

    local   processes of this machine
    ray     the nodes of a Ray cluster, each with its own processes; imports Ray when it is used

The contract is `imgpar.batch.engine`.
"""

from __future__ import annotations

from imgpar.batch.engine import Engine
from imgpar.batch.run_options import RunOptions
from imgpar.core.error_messages import setting
from imgpar.core.errors import UsageError


def engine_of(options: RunOptions) -> Engine:
    """The engine that the options of a run name.

    Raises:
        UsageError: Ray is not installed, or settings contradict each other.
    """
    if options.engine == "ray":
        from imgpar.engines.ray import RayEngine

        return RayEngine(options)
    if options.ray_address:
        raise UsageError(
            f"{setting('ray_address')} is of a Ray cluster, and the engine is local.",
            fix=f"Add {setting('engine', 'ray')}, or leave it out.",
        )
    from imgpar.engines.local import LocalEngine

    return LocalEngine()
