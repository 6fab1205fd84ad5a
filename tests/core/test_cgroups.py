"""Limits of cgroups, nested and of both versions, read from files as the system shows them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imgpar.core import cgroups
from imgpar.runtime import arena, cores

V2 = "31 23 0:28 {root} /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "3{n} 31 0:32 {root} /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}"


class System:
    """Files of a system below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mounts: list[str] = []

    def mount(self, line: str) -> None:
        self.mounts.append(line)
        self.write("proc/self/mountinfo", "\n".join([*self.mounts, "24 1 8:1 / / rw - ext4 /dev/a rw"]))

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setattr(cgroups, "ROOT", str(tmp_path))
    return System(tmp_path)


def version_2(system: System, path: str = "/", root: str = "/") -> None:
    system.mount(V2.format(root=root))
    system.write("proc/self/cgroup", f"0::{path}")


def version_1(system: System, path: str = "/", root: str = "/") -> None:
    for number, name in enumerate(("cpu", "memory")):
        system.mount(V1.format(n=number, name=name, root=root))
    system.write("proc/self/cgroup", f"5:cpu:{path}\n4:memory:{path}\n1:name=systemd:/init")


def test_without_cgroups_there_are_no_limits(system: System) -> None:
    assert (cgroups.cpu_quota(), cgroups.memory_limit(), cgroups.memory_left()) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000", None),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("250000 100000", 3),
        ("10000 100000", 1),
        ("50000 10000", 5),
        ("", None),
    ],
)
def test_a_part_of_a_core_counts_as_one(system: System, text: str, cores: int | None) -> None:
    version_2(system)
    system.write("sys/fs/cgroup/cpu.max", text)
    assert cgroups.cpu_quota() == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", None), ("50000", 1), ("320000", 4)])
def test_a_quota_of_version_1(system: System, quota: str, cores: int | None) -> None:
    version_1(system)
    system.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota)
    system.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    assert cgroups.cpu_quota() == cores


@pytest.mark.parametrize("folder", ["", "a.slice/", "a.slice/b.service/"])
def test_the_limit_of_any_group_above_holds(system: System, folder: str) -> None:
    version_2(system, "/a.slice/b.service")
    for each in ("", "a.slice/", "a.slice/b.service/"):
        system.write(f"sys/fs/cgroup/{each}memory.max", "max")
        system.write(f"sys/fs/cgroup/{each}cpu.max", "max 100000")
    system.write(f"sys/fs/cgroup/{folder}memory.max", str(3 << 30))
    system.write(f"sys/fs/cgroup/{folder}cpu.max", "300000 100000")
    assert (cgroups.cpu_quota(), cgroups.memory_limit()) == (3, 3 << 30)


def test_groups_of_others_do_not_count(system: System) -> None:
    version_2(system, "/a.slice")
    system.write("sys/fs/cgroup/b.slice/memory.max", "4096")
    assert cgroups.memory_limit() is None


def test_a_container_that_sees_the_path_of_the_host(system: System) -> None:
    """Docker with version 1: the path is that of the host, and only its own group is mounted."""
    version_1(system, "/docker/f00", root="/docker/f00")
    system.write("sys/fs/cgroup/memory/memory.limit_in_bytes", str(1 << 30))
    assert cgroups.memory_limit() == 1 << 30


def test_a_container_whose_group_is_not_below_what_is_mounted(system: System) -> None:
    version_2(system, "/../other", root="/")
    system.write("sys/fs/cgroup/memory.max", str(1 << 30))
    assert cgroups.memory_limit() == 1 << 30


def test_both_versions_on_one_machine(system: System) -> None:
    version_1(system)
    system.mount("41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw")
    system.write("proc/self/cgroup", "5:cpu:/\n4:memory:/a\n0::/b")
    system.write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", str(2 << 30))
    system.write("sys/fs/cgroup/unified/b/cpu.max", "100000 100000")
    assert (cgroups.cpu_quota(), cgroups.memory_limit()) == (1, 2 << 30)


def test_memory_that_slows_a_process_down_is_no_memory(system: System) -> None:
    version_2(system)
    system.write("sys/fs/cgroup/memory.max", str(4 << 30))
    system.write("sys/fs/cgroup/memory.high", str(3 << 30))
    assert cgroups.memory_limit() == 3 << 30


def test_what_is_left_is_that_of_the_fullest_group(system: System) -> None:
    version_2(system, "/a")
    for folder, limit, used in (("", 8, 7), ("a/", 4, 1)):
        system.write(f"sys/fs/cgroup/{folder}memory.max", str(limit << 30))
        system.write(f"sys/fs/cgroup/{folder}memory.current", str(used << 30))
    assert cgroups.memory_left() == 1 << 30


def test_the_default_of_jobs_is_the_lower_of_affinity_and_quota(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    version_2(system)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    found = []
    for quota in ("250000", "900000"):
        system.write("sys/fs/cgroup/cpu.max", f"{quota} 100000")
        found.append(cores.available_cores())
    assert found == [3, 8]


@pytest.mark.parametrize(("limit", "memory"), [(2048, 512), (600, 256), (128, 64)])
def test_the_default_of_memory_is_a_part_of_the_limit(
    system: System, monkeypatch: pytest.MonkeyPatch, limit: int, memory: int
) -> None:
    version_2(system, "/a")
    system.write("sys/fs/cgroup/a/memory.max", str(limit << 20))
    monkeypatch.setattr(arena, "_sysconf_memory", lambda: 64 << 30)
    monkeypatch.setattr(arena, "_shm_room", lambda: None)
    monkeypatch.setattr(arena, "most_memory", lambda: None)
    assert arena.default_memory() == memory << 20
