"""Work in this process: on request, and where no processes may be started."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgpar
from imgpar import testing

NAMES = ["a.png", "b.png", "c.png"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    return testing.write_pictures(tmp_path_factory.mktemp("inside") / "in", NAMES)


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=0, memory="64M") as session:
        yield session


def in_a_daemon(function: Callable[..., Any], *given: object, method: str = "fork") -> Any:
    """The result of a function in a worker of `multiprocessing.Pool`, which is daemonic."""
    with multiprocessing.get_context(method).Pool(1) as pool:
        return pool.apply_async(function, given).get(timeout=60)


def converted(folder: Path, out: Path, **settings: Any) -> tuple[int, tuple[str, ...]]:
    report = imgpar.convert(folder, out, resize="50%", to="jpg", memory="64M", **settings)
    return report.ok, report.notes


def refused(folder: Path, out: Path, **settings: Any) -> str:
    try:
        converted(folder, out, **settings)
    except imgpar.UsageError as error:
        return str(error)
    return ""


def arrays_of_own_workers(folder: Path) -> list[bytes]:
    return [array.tobytes() for _, array in imgpar.Pipeline().arrays(folder, memory="64M")]


def refused_timeout(folder: Path, out: Path) -> str:
    return refused(folder, out, timeout=5)


def refused_memory(folder: Path, out: Path) -> str:
    return refused(folder, out, worker_memory="1G")


# ----- on request -----------------------------------------------------------------------------------


def test_no_jobs_start_no_process(session, pictures, tmp_path):
    before = multiprocessing.active_children()
    session.run(imgpar.Pipeline(), pictures, tmp_path, to="jpg")
    assert multiprocessing.active_children() == before


def test_the_outputs_are_those_of_a_worker_process(session, pictures, tmp_path):
    pipe = imgpar.Pipeline().resize("50%").sharpen(0.5)
    session.run(pipe, pictures, tmp_path / "inside", to="jpg")
    pipe.run(pictures, tmp_path / "outside", to="jpg", jobs=1, memory="64M")
    inside, outside = (
        {file.name: file.read_bytes() for file in (tmp_path / name).glob("*.jpg")}
        for name in ("inside", "outside")
    )
    assert len(inside) == 3
    assert inside == outside


def test_arrays_without_processes_hold_the_pixels(session, pictures):
    for seed, (_, array) in enumerate(session.arrays(imgpar.Pipeline(), pictures)):
        assert np.array_equal(array, testing.pattern(96, 64, seed))


def test_an_array_of_this_process_is_not_written_over(session, pictures):
    kept = [array for _, array in session.arrays(imgpar.Pipeline(), pictures)]
    list(session.arrays(imgpar.Pipeline().flip("horizontal"), pictures))
    assert all(np.array_equal(array, testing.pattern(96, 64, seed)) for seed, array in enumerate(kept))


def test_a_damaged_file_is_one_failure_without_processes(session, tmp_path):
    folder = testing.write_pictures(tmp_path / "in", NAMES)
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:300])
    report = session.run(imgpar.Pipeline(), folder, tmp_path / "out", to="jpg")
    assert (report.ok, report.failed) == (2, 1)


def test_an_error_of_a_function_is_one_failure_without_processes(session, pictures, tmp_path):
    def refuse(array: np.ndarray) -> np.ndarray:
        raise ValueError("not this one")

    report = session.run(imgpar.Pipeline().apply(refuse), pictures, tmp_path, to="jpg")
    assert [outcome.kind for outcome in report.items] == ["TransformError"] * 3


def test_a_run_that_is_killed_ends_with_its_step(session, pictures, tmp_path):
    cancel = imgpar.CancelToken()
    report = session.run(
        imgpar.Pipeline().apply(lambda array: array), pictures, tmp_path, to="jpg", cancel=cancel,
        on_event=lambda event: cancel.kill() if event.kind == "item" else None,
    )  # fmt: skip
    assert report.ok + report.left == 3


def test_a_session_is_used_again_after_a_kill(session, pictures, tmp_path):
    cancel = imgpar.CancelToken()
    session.run(
        imgpar.Pipeline(),
        pictures,
        tmp_path / "one",
        to="jpg",
        cancel=cancel,
        on_event=lambda _: cancel.kill(),
    )
    assert session.run(imgpar.Pipeline(), pictures, tmp_path / "two", to="jpg").ok == 3


def test_worker_memory_without_processes_is_refused():
    with pytest.raises(
        imgpar.UsageError, match=r"worker_memory needs worker processes, and jobs=0 starts none\."
    ):
        imgpar.Session(jobs=0, worker_memory="1G")


def test_a_timeout_without_processes_is_refused(session, pictures, tmp_path):
    with pytest.raises(imgpar.UsageError, match="timeout needs worker processes"):
        session.run(imgpar.Pipeline(), pictures, tmp_path, to="jpg", timeout=5)


@pytest.mark.parametrize("setting", [{"timeout": 5}, {"worker_memory": "1G"}])
def test_what_is_refused_leaves_nothing(setting, pictures, tmp_path):
    with pytest.raises(imgpar.UsageError, match="needs worker processes"):
        imgpar.convert(pictures, tmp_path / "out", to="jpg", jobs=0, **setting)
    assert not (tmp_path / "out").exists()


def test_no_jobs_in_a_session_with_processes_are_refused(pictures, tmp_path):
    with (
        imgpar.Session(jobs=1, memory="64M") as session,
        pytest.raises(imgpar.UsageError, match=r"Session\(jobs=0\)"),
    ):
        session.run(imgpar.Pipeline(), pictures, tmp_path, to="jpg", jobs=0)


def test_a_pickled_session_has_its_settings_and_workers_of_its_own(pictures):
    with imgpar.Session(jobs=0, memory="64M") as session:
        list(session.arrays(imgpar.Pipeline(), pictures))
        with pickle.loads(pickle.dumps(session)) as copy:
            assert (copy.jobs, copy.memory) == (0, 64 << 20)
            assert len(list(copy.arrays(imgpar.Pipeline(), pictures))) == 3


# ----- daemonic processes ---------------------------------------------------------------------------


def test_a_daemonic_process_converts(pictures, tmp_path):
    assert in_a_daemon(converted, pictures, tmp_path / "out")[0] == 3


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_daemonic_process_converts_however_it_was_started(method, pictures, tmp_path):
    assert in_a_daemon(converted, pictures, tmp_path / "out", method=method)[0] == 3


def test_the_report_of_a_daemonic_process_says_where_the_work_was_done(pictures, tmp_path):
    _, notes = in_a_daemon(converted, pictures, tmp_path / "out")
    assert any("daemonic" in note for note in notes)


def test_arrays_of_a_daemonic_process_hold_the_pixels(pictures):
    found = in_a_daemon(arrays_of_own_workers, pictures)
    assert found == [testing.pattern(96, 64, seed).tobytes() for seed in range(3)]


@pytest.mark.parametrize("refusal", [refused_timeout, refused_memory])
def test_what_a_daemonic_process_cannot_limit_is_refused(refusal, pictures, tmp_path):
    assert "this process is daemonic" in in_a_daemon(refusal, pictures, tmp_path / "out")


def test_a_daemonic_process_estimates(pictures, tmp_path):
    found = in_a_daemon(estimated, pictures, tmp_path / "out")
    assert found == 3


def estimated(folder: Path, out: Path) -> int:
    return imgpar.estimate(folder, out, to="jpg").items


def error_in_a_worker(function: Callable[[Any], Any]) -> str:
    """What a function raises that is called in a worker with little memory."""
    pipe = imgpar.Pipeline().apply(function)
    blank = np.zeros((8, 8, 3), np.uint8)
    ((item, _),) = pipe.arrays([blank], jobs=1, worker_memory="600M", errors="yield")
    return str(item.error)


def test_a_session_in_a_worker_says_how_much_memory_it_asks_for():
    def nested(picture: Any) -> Any:
        with imgpar.Session(jobs=1, memory="1G") as session:
            ((_, array),) = session.arrays(imgpar.Pipeline(), [picture])
        return array

    assert "gets no memory of 1024 MiB" in error_in_a_worker(nested)


def test_a_time_limit_in_a_worker_needs_a_process():
    def nested(picture: Any) -> Any:
        imgpar.Pipeline().encode(picture, to="png", timeout=5)
        return picture

    assert "timeout needs worker processes" in error_in_a_worker(nested)
