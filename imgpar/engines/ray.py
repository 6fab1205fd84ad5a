"""The engine of a Ray cluster: a process on each node, which has workers of its own.

Ray places the processes, carries calls to them and notices when a node is gone. What a run does with its
nodes is in `cluster`, what a node does in `node`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from imgpar.batch.engine import Assignment, Engine
from imgpar.batch.run_options import RunOptions
from imgpar.core import parsing
from imgpar.core.error_messages import setting
from imgpar.core.errors import RunError, UsageError
from imgpar.core.filenames import short_hash
from imgpar.core.install_hint import pip
from imgpar.engines.cluster import ClusterEngine, LostNodeError
from imgpar.engines.local import LocalEngine
from imgpar.engines.messages import Orders
from imgpar.engines.node import Node
from imgpar.inputs.roots import absolute
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out
from imgpar.runtime.scheduler import Effort

NAMESPACE = "imgpar"
"""Of the names of our processes, so that a run finds those that an earlier run on its OUT has left."""
CLIENT = "ray://"
"""Of addresses of Ray Client: a program outside of the cluster, whose calls another one makes there."""
VARIABLE = "RAY_ADDRESS"
"""Of the environment: the address, where none is given."""
CONNECT_SECONDS = 10.0
HEAD_SECONDS = 30.0
"""How long the head may be away. After 60 seconds Ray ends this process, in its own words."""
MOST_PATHS = 100
"""Inputs that every node looks for."""


class RayEngine:
    """Does the jobs of a run on a Ray cluster.

    Args:
        options: of the run.
        engine: makes what does the jobs on a node.

    Raises:
        UsageError: Ray is not installed, `jobs` is 0, or the address is one of Ray Client.
    """

    def __init__(self, options: RunOptions, *, engine: Callable[[], Engine] = LocalEngine) -> None:
        if find_spec("ray") is None:
            words = f"{setting('engine', 'ray')} needs the package ray."
            raise UsageError(words, fix=f"Run: {pip('imgpar[ray]')}")
        if options.jobs == 0:
            raise UsageError(
                "On a cluster the work is done by worker processes, and jobs=0 starts none.",
                fix=f"Leave {setting('jobs')} out, or name the processes per node.",
            )
        address = options.ray_address or os.environ.get(VARIABLE) or "auto"
        if not options.ray_address:
            parsing.named(VARIABLE, parsing.cluster_address, address)
        if address.startswith(CLIENT):
            raise _no_client(address)
        self._options, self._engine = options, engine
        self._paths: list[str] = []

    def check(self, named: list[str | Source], sources: tuple[Source, ...], place: Out) -> None:
        """As `Engine.check`."""
        ray = setting("engine", "ray")
        if place.in_place:
            words = "Files are replaced by the machine that keeps their originals"
            raise UsageError(f"{words}, so there is no {ray}.", fix="Name a place with -o OUT.")
        if place.name:
            fix = "Leave it out, or name a folder with -o."
            raise UsageError(f"OUT is one file ({place.name}), which needs no {ray}.", fix=fix)
        if place.stored and not (place.stored.lasts and _is_store(place)):
            raise UsageError(
                f"{place.folder} is written by one process, so there is no {ray}.",
                fix="Name a folder that all nodes share, or an object store, with -o.",
            )
        if any(source.ordered for source in sources):
            raise UsageError(
                f"An archive that is read in order is unpacked by one machine, so there is no {ray}.",
                fix="Unpack it first, or leave archives out.",
            )
        if source := next((each for each in sources if _is_here(each)), None):
            raise UsageError(
                f"{source.root} lies in this process, and other nodes cannot read it.",
                fix=f"Write it to a folder that all nodes share, or leave {ray} out.",
            )
        paths = [absolute(given) for given in named if isinstance(given, str) and os.path.lexists(given)]
        paths += [source.root for source in sources if os.path.isabs(source.root)]
        self._paths = [path for path in paths if os.path.lexists(path)][:MOST_PATHS]

    def begin(self, stack: contextlib.ExitStack) -> None:
        """As `Engine.begin`: connects to the cluster."""
        _connect(self._options.ray_address, stack)

    def do(self, work: Assignment) -> Effort:
        """As `Engine.do`."""
        cluster, paths = RayCluster(f"imgpar-{short_hash(work.place.folder, 16)}"), self._paths
        if not work.place.stored:
            paths = [*paths, _marked(work.spec.written, work.spec.name)]
        return ClusterEngine(cluster, jobs=self._options.jobs, engine=self._engine).do(work, paths)


class RayCluster:
    """The nodes of the cluster that this process is connected to; as `Cluster`.

    Args:
        name: of the processes of this run; those of that name are ended, as their run is gone.
    """

    def __init__(self, name: str) -> None:
        import ray

        self._ray, self._name = ray, name
        self._actor = ray.remote(Node)
        self._setup: tuple[bytes, Any] | None = None
        self._head = _Head(ray.get_runtime_context().gcs_address)
        self._nodes: dict[str, tuple[str, int]] = {}
        for known in ray.util.list_named_actors(all_namespaces=True):
            if known["namespace"] == NAMESPACE and known["name"].startswith(name):
                with contextlib.suppress(ValueError):  # it has ended meanwhile
                    ray.kill(ray.get_actor(known["name"], namespace=NAMESPACE))

    def nodes(self) -> dict[str, tuple[str, int]]:
        """As `Cluster.nodes`: those with CPUs. Raises RunError where the head is lost."""
        if self._head.answers():  # Ray would wait for it
            self._nodes = {
                node["NodeID"]: (_label(node), int(node["Resources"].get("CPU", 0)))
                for node in self._ray.nodes()
                if node["Alive"]
            }
        return self._nodes

    def start(self, node: str, setup: bytes, number: int, cores: int) -> Any:
        """As `Cluster.start`; it takes as many CPUs of the node as it has workers."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        if self._setup is None or self._setup[0] is not setup:
            self._setup = setup, self._ray.put(setup)
        there = self.nodes().get(node, ("", cores))[1]
        process = self._actor.options(
            num_cpus=max(1, min(cores, there)),
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
            max_restarts=0,
            name=f"{self._name}-{number}-{os.urandom(4).hex()}",
            namespace=NAMESPACE,
        )
        return _Process(process.remote(self._setup[1], number, cores))

    def hello(self, process: _Process) -> Any:
        """As `Cluster.hello`."""
        return process.actor.hello.remote()

    def exchange(self, process: _Process, orders: Orders) -> Any:
        """As `Cluster.exchange`."""
        return process.actor.exchange.remote(orders)

    def ready(self, calls: Sequence[Any], timeout: float) -> list[Any]:
        """As `Cluster.ready`."""
        first, _ = self._ray.wait(list(calls), num_returns=1, timeout=timeout)
        if not first or len(calls) == 1:
            return list(first)
        every, _ = self._ray.wait(list(calls), num_returns=len(calls), timeout=0)
        return list(every)

    def result(self, call: Any) -> Any:
        """As `Cluster.result`."""
        try:
            return self._ray.get(call)
        except self._ray.exceptions.RayError as error:
            raise LostNodeError(_first_line(error)) from error

    def end(self, process: _Process) -> None:
        """As `Cluster.end`."""
        if not self._head.answers(raises=False):
            return
        with contextlib.suppress(Exception):  # it is gone, or the cluster is
            self._ray.kill(process.actor)


class _Head:
    """Whether the head of the cluster is there.

    Args:
        address: HOST:PORT.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._since = 0.0
        """When it was missed first; 0 is not at all."""

    def answers(self, *, raises: bool = True) -> bool:
        """Whether something listens there; raises RunError where nothing did for `HEAD_SECONDS`."""
        try:
            _connection(self._address).close()
        except OSError as error:
            self._since = self._since or time.monotonic()
            if raises and time.monotonic() - self._since > HEAD_SECONDS:
                raise RunError(
                    f"The head of the Ray cluster at {self._address} is lost: {error.strerror or error}.",
                    fix="Start the cluster again, then the same command: it goes on.",
                ) from error
            return False
        self._since = 0.0
        return True


class _Process:
    """The process of a node; by identity."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor


def _connect(address: str | None, stack: contextlib.ExitStack) -> None:
    """Connect this process to the cluster, until `stack` ends; a connection of the caller is used and kept.

    Raises:
        UsageError: there is a connection to another cluster.
        RunError: it cannot be reached.
    """
    import ray

    if ray.util.client.ray.is_connected():
        raise _no_client("this connection")
    if ray.is_initialized():
        own = ray.get_runtime_context().gcs_address
        if address not in (None, "auto", own):
            raise UsageError(
                f"This process is connected to the Ray cluster {own}, not to {address}.",
                fix=f"Leave {setting('ray_address')} out, or call ray.shutdown() before.",
            )
        return
    _reach(address)
    started = {} if address or os.environ.get(VARIABLE) else {"include_dashboard": False}
    try:
        with _own_signals():
            ray.init(
                address,
                namespace=NAMESPACE,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **started,
            )
    except Exception as error:  # of many kinds
        raise RunError(
            f"The Ray cluster {address or ''} cannot be used: {_first_line(error)}.".replace("  ", " "),
            fix="Start one with 'ray start --head', or name another one. If it is protected by a token, "
            "set RAY_AUTH_MODE=token.",
        ) from error
    stack.callback(ray.shutdown)
    _keep_quiet(stack)


def _keep_quiet(stack: contextlib.ExitStack) -> None:
    """Ray prints what becomes of its nodes on standard output, where results go, and has no switch for that;
    the run says it itself."""
    from ray._private import worker

    name = "print_to_stdstream"
    if printing := getattr(worker, name, None):
        setattr(worker, name, lambda *_, **__: None)
        stack.callback(setattr, worker, name, printing)


def _connection(address: str) -> socket.socket:
    """A connection to HOST:PORT. Raises OSError."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS)


def _reach(address: str | None) -> None:
    """Raise RunError where nothing listens: Ray itself would try for a minute."""
    if not address or not address.rpartition(":")[2].isdigit():
        return
    try:
        _connection(address).close()
    except OSError as error:
        raise RunError(
            f"No Ray cluster answers at {address}: {error.strerror or error}.",
            fix="Start one with 'ray start --head', or name another one.",
        ) from error


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the handlers of this process: Ray sets its own, which ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _marked(written: str, run: str) -> str:
    """A new file in the folder of the write-ahead log, by which a node knows that it sees the same folder."""
    path = os.path.join(written, f"{run}-nodes")
    try:
        os.makedirs(written, mode=0o700, exist_ok=True)
        with open(path, "xb"):
            return path
    except OSError as error:
        words = f"{written} cannot be written: {error.strerror or error}."
        raise RunError(words, fix="Choose another OUT.") from error


def _is_store(place: Out) -> bool:
    """Whether the sink is known by its address alone, so that a node can open it."""
    from imgpar.outputs.store_sink import StoreSink

    return place.stored is not None and type(place.stored.sink) is StoreSink


def _is_here(source: Source) -> bool:
    """Whether a source has its items in the memory of this process, or in its temporary files."""
    from imgpar.inputs.handed_source import HandedSource
    from imgpar.inputs.memory_source import MemorySource

    return isinstance(source, (HandedSource, MemorySource)) or source.root.startswith("memory://")


def _label(node: dict[str, Any]) -> str:
    return str(node.get("NodeManagerHostname") or node.get("NodeManagerAddress") or node["NodeID"][:8])


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300].rstrip(".") if lines else type(error).__name__


def _no_client(what: str) -> UsageError:
    return UsageError(
        f"A run does not go through Ray Client ({what}).",
        fix=f"Start it on a node of the cluster, with {setting('ray_address', 'auto')}.",
    )
