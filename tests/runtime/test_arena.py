"""The arena: leases, pages, names."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imgpar.core.tempfiles import sweep_segments
from imgpar.runtime import arena as frames
from imgpar.runtime.arena import CHUNK, Allocator, Arena
from imgpar.runtime.protocol import Lease

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/shm")


def test_the_board_is_never_leased():
    assert Allocator(4 * CHUNK).lease(1).offset == CHUNK


def test_leases_do_not_overlap():
    allocator = Allocator(16 * CHUNK)
    leases = [allocator.lease(size) for size in (1, CHUNK, CHUNK + 1, 3 * CHUNK)]
    ends = [lease.offset + lease.size for lease in leases]
    assert all(end <= later.offset for end, later in zip(ends, leases[1:], strict=False))


def test_a_lease_is_at_least_as_large_as_asked():
    assert Allocator(16 * CHUNK).lease(CHUNK + 1).size == 2 * CHUNK


def test_a_full_arena_gives_nothing():
    allocator = Allocator(4 * CHUNK)
    assert allocator.lease(3 * CHUNK) is not None
    assert allocator.lease(1) is None


def test_a_freed_range_is_the_next_to_be_used():
    allocator = Allocator(16 * CHUNK)
    first, _ = allocator.lease(2 * CHUNK), allocator.lease(CHUNK)
    allocator.free(first)
    assert allocator.lease(CHUNK).offset == first.offset


def test_freeing_twice_is_an_error():
    allocator = Allocator(4 * CHUNK)
    lease = allocator.lease(1)
    allocator.free(lease)
    with pytest.raises(AssertionError):
        allocator.free(lease)


def test_a_confirmed_range_is_not_fresh_any_more():
    allocator = Allocator(8 * CHUNK)
    lease = allocator.lease(2 * CHUNK)
    allocator.confirm(lease)
    allocator.free(lease)
    assert not allocator.lease(2 * CHUNK).fresh


def test_a_range_is_fresh_until_all_of_it_was_confirmed():
    allocator = Allocator(8 * CHUNK)
    lease = allocator.lease(CHUNK)
    allocator.confirm(lease)
    allocator.free(lease)
    assert allocator.lease(2 * CHUNK).fresh


def test_lost_pages_are_not_leased_again():
    allocator = Allocator(4 * CHUNK)
    allocator.lose(allocator.lease(2 * CHUNK))
    assert allocator.largest == CHUNK
    assert allocator.lease(2 * CHUNK) is None


def test_trimming_keeps_what_is_used():
    allocator = Allocator(10 * CHUNK)
    lease = allocator.lease(8 * CHUNK)
    kept = allocator.trim(lease, lease.offset + 3 * CHUNK + 5, CHUNK)
    assert (kept.offset, kept.size) == (lease.offset + 3 * CHUNK, 2 * CHUNK)


def test_trimming_frees_the_rest():
    allocator = Allocator(10 * CHUNK)
    lease = allocator.lease(8 * CHUNK)
    allocator.trim(lease, lease.offset + 3 * CHUNK, CHUNK)
    assert allocator.leased == CHUNK


def test_what_was_given_back_elsewhere_is_leased_again():
    allocator = Allocator(2 * CHUNK)
    allocator.give_back(allocator.lease(1))
    assert allocator.lease(1) is not None


@pytest.mark.usefixtures("no_leaks")
def test_an_arena_leaves_no_segment_behind():
    Arena(1 << 20).close()


@pytest.mark.usefixtures("no_leaks")
def test_an_array_outlives_the_arena():
    arena = Arena(1 << 20)
    array = np.frombuffer(arena.buffer[CHUNK : CHUNK + 10], np.uint8)
    arena.buffer[CHUNK] = 7
    arena.close()
    gc.collect()
    assert array[0] == 7
    del array


@linux_only
def test_pages_are_taken_only_when_they_are_reserved():
    arena = Arena(64 << 20)
    before = os.fstat(arena._fd).st_blocks
    frames.reserve(arena._fd, CHUNK, 1 << 20)
    assert (os.fstat(arena._fd).st_blocks - before) * 512 == 1 << 20
    arena.close()


@linux_only
@linux_only
def test_mapped_pages_are_not_faulted_in_one_by_one():
    import resource

    arena = Arena(64 * CHUNK)
    lease = arena.buffer[CHUNK : 33 * CHUNK]
    frames.reserve(arena._fd, CHUNK, 32 * CHUNK)
    frames.map_pages(lease)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.frombuffer(lease, np.uint8)[::4096] = 1
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    assert faults < 100 or release < (5, 14)  # of 512 pages


def test_mapping_changes_no_byte():
    arena = Arena(16 * CHUNK)
    frames.reserve(arena._fd, 0, 16 * CHUNK)
    lease = arena.buffer[CHUNK : 3 * CHUNK]
    lease[:] = bytes(range(256)) * (2 * CHUNK // 256)
    frames.map_pages(lease)
    assert bytes(lease) == bytes(range(256)) * (2 * CHUNK // 256)


def test_the_name_tells_what_it_is_and_is_random():
    arena = Arena(1 << 20)
    assert re.fullmatch(r"/?imgpar-[0-9a-f]{16}", arena._shm.name)
    arena.close()


@linux_only
def test_a_run_that_is_killed_leaves_no_segment_and_no_word_of_one():
    code = (
        "import os, imgpar.runtime.arena as f; a = f.Arena(1 << 20);"
        "print(a._shm.name, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not Path("/dev/shm", done.stdout.strip().lstrip("/")).exists()
    assert done.stderr == ""


@linux_only
def test_segments_of_living_runs_are_left_alone():
    arena = Arena(1 << 20)
    assert arena._shm.name.lstrip("/") not in sweep_segments()
    arena.close()


@linux_only
def test_a_small_dev_shm_gives_an_anonymous_arena(monkeypatch):
    monkeypatch.setattr(frames, "_shm_room", lambda: 8 << 20)
    arena = Arena(64 << 20)
    assert "8 MiB only" in arena.note
    assert arena.handle.name == ""
    arena.close()


def test_a_lease_knows_its_place():
    assert Lease(CHUNK, CHUNK) == Lease(CHUNK, CHUNK, fresh=False)


def test_the_default_fits_into_a_sensible_dev_shm(monkeypatch):
    monkeypatch.setattr(frames, "_shm_room", lambda: 2 << 30)
    monkeypatch.setattr(frames, "physical_memory", lambda: 64 << 30)
    assert 1 << 30 < frames.default_memory() < 2 << 30


def test_a_small_dev_shm_does_not_limit_the_default(monkeypatch):
    monkeypatch.setattr(frames, "_shm_room", lambda: 64 << 20)
    monkeypatch.setattr(frames, "physical_memory", lambda: 4 << 30)
    assert frames.default_memory() == 1 << 30
