"""Limits of the cgroups of this process: cores and memory that containers and services may use. Linux.

A process is in one cgroup of each hierarchy, and the limits of all groups above hold, too. Version 2 has one
hierarchy, version 1 one for each controller; a machine may have both. A container sees its own group as the
root of the hierarchy, or the whole path of the host, of which only its own part is mounted.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator

ROOT = "/"
"""Where the system files are; another one in tests."""


def cpu_quota() -> int | None:
    """Cores that the quotas allow; None without any. A part of a core counts as one: with fewer workers than
    that some of the quota would never be used."""
    return _lowest(
        "cpu",
        lambda folder: _cores(*_text(folder, "cpu.max").split()),
        lambda folder: _cores(_text(folder, "cpu.cfs_quota_us"), _text(folder, "cpu.cfs_period_us")),
    )


def memory_limit() -> int | None:
    """Bytes that the groups may use; None without a limit."""
    return _lowest("memory", _memory_of_2, lambda folder: int(_text(folder, "memory.limit_in_bytes")))


def memory_left() -> int | None:
    """Bytes that the groups may use beside what they use already; None without a limit."""
    return _lowest(
        "memory",
        lambda folder: _memory_of_2(folder) - int(_text(folder, "memory.current")),
        lambda folder: (
            int(_text(folder, "memory.limit_in_bytes")) - int(_text(folder, "memory.usage_in_bytes"))
        ),
    )


def _cores(quota: str, period: str) -> int:
    if int(quota) <= 0:  # of version 1: no quota
        raise ValueError
    return max(1, math.ceil(int(quota) / int(period)))


def _memory_of_2(folder: str) -> int:
    """Above `memory.high` the system slows a process down until it uses less."""
    limits = []
    for name in ("memory.max", "memory.high"):
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(_text(folder, name)))
    return min(limits)  # ValueError where there is none


def _lowest(controller: str, of_2: Callable[[str], int], of_1: Callable[[str], int]) -> int | None:
    """The lowest limit of this process's groups."""
    found = []
    for folder, version in _folders(controller):
        with contextlib.suppress(OSError, ValueError, TypeError):  # "max", or a group without the controller
            found.append((of_2 if version == 2 else of_1)(folder))
    return min(found, default=None)


def _folders(controller: str) -> Iterator[tuple[str, int]]:
    """The groups of this process that may limit it, from its own one up, and their version."""
    with contextlib.suppress(OSError, ValueError):
        groups = dict(_groups())
        for root, place, kind, options in _mounts():
            if kind == "cgroup2":
                path = groups.get("")
            elif kind == "cgroup" and controller in options:
                path = groups.get(controller)
            else:
                continue
            if path is not None:
                yield from ((each, 2 if kind == "cgroup2" else 1) for each in _upwards(place, root, path))


def _groups() -> Iterator[tuple[str, str]]:
    """The path of this process's group by controller; that of version 2 has an empty name."""
    for line in _text(ROOT, "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _mounts() -> Iterator[tuple[str, str, str, list[str]]]:
    """Root, place, kind and options of what is mounted."""
    for line in _text(ROOT, "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        yield (*before.split(" ")[3:5], kind, options.split(","))  # type: ignore[misc]


def _upwards(place: str, root: str, path: str) -> Iterator[str]:
    """The folder of a group and those above it, as far as they are mounted.

    Args:
        place: where the hierarchy is mounted.
        root: the group that is to be seen there.
        path: of the group of this process.
    """
    below = os.path.relpath(path, root)
    parts = [] if below == "." or below.startswith("..") else below.split("/")
    for count in range(len(parts), -1, -1):
        yield os.path.join(ROOT, place.lstrip("/"), *parts[:count])


def _text(folder: str, name: str) -> str:
    with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape") as file:
        return file.read().strip()
