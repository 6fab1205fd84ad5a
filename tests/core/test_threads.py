"""Threads inside one task."""

from __future__ import annotations

import sys
import threading

import pytest

from imgpar.core.threads import MOST, available, each, meanwhile, on_cores


def test_every_part_is_done_once() -> None:
    done: list[int] = []
    with on_cores(4):
        each(done.append, range(100))
    assert sorted(done) == list(range(100))


def test_outside_of_a_task_the_caller_does_all_in_order() -> None:
    done: list[tuple[int, int]] = []
    each(lambda part: done.append((part, threading.get_ident())), range(5))
    assert done == [(part, threading.get_ident()) for part in range(5)]


def test_several_threads_work_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=30)
    with on_cores(3):
        each(lambda _: meeting.wait(), range(3))
    assert not meeting.broken


def test_the_first_failure_is_raised() -> None:
    def fail(part: int) -> None:
        raise ValueError(f"part {part}")

    with on_cores(2), pytest.raises(ValueError, match="part 0"):
        each(fail, [0])


def test_no_more_parts_are_begun_after_a_failure() -> None:
    begun: list[int] = []

    def fail(part: int) -> None:
        begun.append(part)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        each(fail, range(10))
    assert begun == [0]


def test_threads_have_no_threads_of_their_own() -> None:
    seen: list[int] = []
    meeting = threading.Barrier(2, timeout=30)

    def look(_: int) -> None:
        meeting.wait()
        seen.append(available())

    with on_cores(2):
        each(look, range(2))
    assert sorted(seen) == [1, 2]


def test_no_task_has_more_threads_than_memory_can_feed() -> None:
    with on_cores(1000):
        assert available() == MOST


def test_the_number_of_cores_ends_with_the_task() -> None:
    with on_cores(3):
        pass
    assert available() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems reserve no stack beforehand")
def test_a_thread_that_cannot_start_is_not_needed() -> None:
    done: list[int] = []
    before = threading.stack_size(1 << 47)  # more than there are addresses
    try:
        with on_cores(4):
            each(done.append, range(3))
    finally:
        threading.stack_size(before)
    assert done == [0, 1, 2]


def test_work_is_done_while_the_block_runs() -> None:
    meeting = threading.Barrier(2, timeout=30)
    with on_cores(2), meanwhile(meeting.wait):
        meeting.wait()
    assert not meeting.broken


def test_without_a_second_core_nothing_is_done_meanwhile() -> None:
    done: list[None] = []
    with meanwhile(lambda: done.append(None)):
        pass
    assert not done


def test_what_fails_meanwhile_fails_nothing_else() -> None:
    done: list[None] = []

    def fail() -> None:
        done.append(None)
        raise OSError("no memory")

    with on_cores(2), meanwhile(fail):
        pass
    assert done == [None]


def test_a_failure_of_the_block_is_raised() -> None:
    with on_cores(2), pytest.raises(ValueError, match="broken"), meanwhile(lambda: None):
        raise ValueError("broken")
