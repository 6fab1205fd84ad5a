"""Deadlines and deaths of workers, with a simulated clock."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from imgpar.core.errors import RunError
from imgpar.core.job import Item, Job, Target
from imgpar.runtime import watchdog
from imgpar.runtime.pool import Begun
from imgpar.runtime.watchdog import Watchdog

QUARTER = 900.0
"""Default deadline for one step of a picture, in seconds."""
MINUTE = 60.0
"""Deadline in seconds for the start of a task, and for a process stopped with SIGSTOP."""


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Workers:
    """A test double for the pool and the ledger, with one worker."""

    isolated = retried = True

    def __init__(self, kind: str = "frames", serial: int = 1) -> None:
        self.worker = SimpleNamespace(index=3, process=SimpleNamespace(pid=77), request=None)
        self.workers = {3: self.worker}
        self.at = Begun(serial, 5, "decode" if serial else "")
        self.kind = kind
        self.tasks = [self.task(1), self.task(2)]
        self.owing = True
        self.done: list[str] = []
        self.code, self.words = -9, ""
        self.charged: list[tuple[Any, ...]] = []
        self.wrong = ""

    def task(self, serial: int) -> Any:
        job = Job(
            serial, (Item("/in/a", "a", 1, 1),), (Target("png", f"/nowhere/{serial}.png"),), kind=self.kind
        )
        return SimpleNamespace(serial=serial, job=job, piece=None)

    def begun(self, worker: Any) -> Begun:
        return self.at

    def kill(self, worker: Any) -> None:
        self.done.append("kill")

    def abort(self, worker: Any) -> None:
        self.done.append("abort")

    def reap(self, worker: Any) -> tuple[int | None, str]:
        return self.code, self.words

    def owes(self, index: int) -> bool:
        return self.owing

    def held(self, index: int) -> list[Any]:
        return self.tasks

    def disorder(self, index: int, message: object) -> str:
        return self.wrong

    def died(self, *facts: Any) -> list[Any]:
        self.charged.append(facts)
        return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watchdog, "time", clock)
    monkeypatch.setattr(watchdog, "is_stopped", lambda pid: False)
    return clock


def watched(workers: Workers, timeout: float | None = None) -> Watchdog:
    return Watchdog(workers, workers, timeout, "run")  # type: ignore[arg-type]


def first_act(workers: Workers, clock: Clock, deaths: Watchdog, limit: float = 10_000) -> float:
    """Seconds until the worker is aborted or killed, in steps of 0.1; infinite if it never is."""
    deaths.check_deadlines()
    start = clock.now
    for tenth in range(1, int(limit * 10)):
        clock.now = start + tenth / 10
        deaths.check_deadlines()
        if workers.done:
            return tenth / 10
    return math.inf


@pytest.mark.parametrize(
    ("kind", "serial", "owing", "timeout", "seconds"),
    [
        ("frames", 1, True, None, QUARTER),
        ("frames", 1, True, 5.0, 5.0),
        ("frames", 1, True, 2000.0, 2000.0),
        ("stream", 1, True, None, math.inf),
        ("stream", 1, True, 7.0, 7.0),
        ("file", 1, True, None, QUARTER),
        # A task is assigned and not started.
        ("frames", 0, True, None, MINUTE),
        ("frames", 0, True, 5.0, MINUTE),
        ("frames", 0, True, 300.0, 300.0),
        ("stream", 0, True, None, MINUTE),
        # No task is assigned.
        ("frames", 0, False, 5.0, math.inf),
    ],
)
def test_deadline_depends_on_kind_and_timeout(
    clock: Clock, kind: str, serial: int, owing: bool, timeout: float | None, seconds: float
) -> None:
    workers = Workers(kind, serial)
    workers.owing = owing
    found = first_act(workers, clock, watched(workers, timeout))
    assert found == (seconds if math.isinf(seconds) else pytest.approx(seconds + 0.1))
    assert workers.done == ([] if math.isinf(seconds) else ["abort"])


def test_the_time_of_a_worker_begins_when_it_was_started(clock: Clock) -> None:
    workers = Workers(serial=0)
    deaths = watched(workers)
    workers.worker.request = object()
    assert first_act(workers, clock, deaths, 10 * MINUTE) == math.inf
    workers.worker.request = None
    assert first_act(workers, clock, deaths) == pytest.approx(MINUTE + 0.1)


def test_a_clip_among_pictures_disables_the_deadline(clock: Clock) -> None:
    workers = Workers("frames")
    workers.tasks[1] = Workers("stream").task(2)
    assert first_act(workers, clock, watched(workers), 2000) == math.inf


@pytest.mark.parametrize("change", [{"serial": 2}, {"tick": 6}])
def test_progress_restarts_the_deadline(clock: Clock, change: dict[str, int]) -> None:
    workers = Workers()
    deaths = watched(workers, 5.0)
    deaths.check_deadlines()
    clock.now += 4.9
    workers.at = Begun(**{"serial": 1, "tick": 5, "stage": "decode", **change})
    deaths.check_deadlines()
    assert first_act(workers, clock, deaths, 20) == pytest.approx(5.1)


def test_a_stage_change_does_not_restart_the_deadline(clock: Clock) -> None:
    workers = Workers()
    deaths = watched(workers, 5.0)
    deaths.check_deadlines()
    clock.now += 5.1
    workers.at = Begun(1, 5, "encode")
    deaths.check_deadlines()
    assert workers.done == ["abort"]


def test_a_worker_is_killed_one_second_after_the_abort(clock: Clock) -> None:
    workers = Workers()
    deaths = watched(workers, 5.0)
    first_act(workers, clock, deaths)
    clock.now += 1.0
    deaths.check_deadlines()
    assert workers.done == ["abort"]
    clock.now += 0.1
    deaths.check_deadlines()
    assert workers.done == ["abort", "kill"]


class TestStopped:
    @pytest.fixture
    def asked(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Times of queries for the state of the process, which is stopped."""
        asked: list[float] = []

        def is_stopped(pid: int) -> bool:
            assert pid == 77
            asked.append(clock.now)
            return True

        monkeypatch.setattr(watchdog, "is_stopped", is_stopped)
        return asked

    @pytest.mark.parametrize(("serial", "owing"), [(1, True), (1, False), (0, True)])
    def test_killed_after_a_minute(self, clock: Clock, asked: list[float], serial: int, owing: bool) -> None:
        workers = Workers("stream", serial)
        workers.owing = owing
        assert first_act(workers, clock, watched(workers)) == pytest.approx(MINUTE + 0.1)
        assert workers.done == ["kill"]

    def test_an_idle_worker_is_not_checked(self, clock: Clock, asked: list[float]) -> None:
        workers = Workers("frames", 0)
        workers.owing = False
        assert first_act(workers, clock, watched(workers), 100) == math.inf
        assert asked == []

    def test_the_state_is_read_once_per_second(
        self, clock: Clock, asked: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watchdog, "is_stopped", lambda pid: asked.append(clock.now))
        workers = Workers("stream")
        first_act(workers, clock, watched(workers), 65)
        assert len(asked) == 5
        assert asked == pytest.approx([1060.1 + second for second in range(5)])


class TestDeaths:
    @pytest.mark.parametrize(
        ("code", "cause"),
        [(-9, "killed"), (-15, "killed"), (255, "killed"), (None, "killed"), (-11, "crash"), (1, "crash")],
    )
    def test_the_exit_code_determines_the_cause(self, clock: Clock, code: int | None, cause: str) -> None:
        workers = Workers()
        workers.code = code
        watched(workers).reap(workers.worker)
        ((index, serial, charged, failure),) = workers.charged
        assert (index, serial, charged) == (3, 1, cause)
        assert (failure.serial, failure.stage) == (1, "decode")
        assert "in stage decode, every time it was tried" in failure.message

    @pytest.mark.parametrize(
        ("timeout", "words"), [(5.0, "longer than 5 s in stage decode"), (None, "longer than 900 s")]
    )
    def test_a_missed_deadline_is_the_cause(self, clock: Clock, timeout: float | None, words: str) -> None:
        workers = Workers()
        deaths = watched(workers, timeout)
        first_act(workers, clock, deaths)
        deaths.reap(workers.worker)
        ((_, _, cause, failure),) = workers.charged
        assert cause == "deadline"
        assert words in failure.message
        assert "--timeout" in failure.fix

    @pytest.mark.parametrize("retried", [True, False])
    def test_the_message_says_whether_it_was_tried_again(self, clock: Clock, retried: bool) -> None:
        workers = Workers()
        workers.retried = retried
        deaths = watched(workers, 5.0)
        first_act(workers, clock, deaths)
        deaths.reap(workers.worker)
        assert workers.charged[0][3].message.endswith(", twice." if retried else "in stage decode.")

    def test_a_new_worker_has_a_new_deadline(self, clock: Clock) -> None:
        workers = Workers()
        deaths = watched(workers, 5.0)
        first_act(workers, clock, deaths)
        deaths.reap(workers.worker)
        workers.done.clear()
        assert first_act(workers, clock, deaths) == pytest.approx(5.1)
        assert workers.done == ["abort"]

    @pytest.mark.parametrize(("code", "most"), [(1, 3), (-9, 50)])
    def test_repeated_failed_starts_end_the_run(self, clock: Clock, code: int, most: int) -> None:
        workers = Workers()
        workers.at, workers.code, workers.words = Begun(0, 0, ""), code, "Traceback\nImportError: no cv2\n"
        deaths = watched(workers)
        for _ in range(most - 1):
            deaths.reap(workers.worker)
        with pytest.raises(RunError, match=r"as soon as they start.*ImportError: no cv2"):
            deaths.reap(workers.worker)

    def test_progress_resets_the_count_of_failed_starts(self, clock: Clock) -> None:
        workers = Workers()
        workers.code = 1
        deaths = watched(workers)
        for tick in (0, 0, 4, 0, 0):
            workers.at = Begun(0, tick, "")
            deaths.reap(workers.worker)
        assert deaths.failed_starts == 2

    @pytest.mark.parametrize(("at", "charged"), [(2, 2), (9, 1), (0, 1)])
    def test_an_invalid_message_kills_the_worker_and_fails_one_of_its_tasks(
        self, clock: Clock, at: int, charged: int
    ) -> None:
        workers = Workers(serial=at)
        deaths = watched(workers)
        assert not deaths.rejects(workers.worker, "true")
        workers.wrong = "sent nonsense"
        assert deaths.rejects(workers.worker, "nonsense")
        assert deaths.rejects(workers.worker, "more of it")
        assert workers.done == ["kill"]
        deaths.reap(workers.worker)
        ((_, serial, cause, failure),) = workers.charged
        assert (serial, cause) == (charged, "crash")
        assert "sent nonsense" in failure.message
        workers.wrong = ""
        assert not deaths.rejects(workers.worker, "its successor")

    def test_partial_files_are_removed(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        gone: list[str] = []
        monkeypatch.setattr(watchdog, "remove_file", gone.append)
        workers = Workers()
        watched(workers).reap(workers.worker)
        assert gone == [watchdog.partial_path(f"/nowhere/{serial}.png", "run", serial) for serial in (1, 2)]
