"""Arrays from shared memory, and sessions that are used again."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline
from imgpar.api.session import Session

NAMES = [f"{n:02}.png" for n in range(12)]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return testing.write_pictures(tmp_path / "in", NAMES)


@pytest.fixture(scope="module")
def session():
    with Session(jobs=2, memory="64M") as session:
        yield session


def test_arrays_come_in_order(session, pictures):
    names = [Path(item.path).name for item, _ in session.arrays(Pipeline(), pictures)]
    assert names == NAMES


def test_arrays_hold_the_pixels(session, pictures):
    for seed, (_, array) in enumerate(session.arrays(Pipeline(), pictures)):
        assert np.array_equal(array, testing.pattern(96, 64, seed))


def test_arrays_are_contiguous_rgb(session, pictures):
    _, array = next(iter(session.arrays(Pipeline().resize("48x48", fit="fill"), pictures)))
    assert (array.shape, array.dtype, array.flags.c_contiguous) == ((48, 48, 3), np.uint8, True)


def test_arrays_can_be_grey_floats(session, pictures):
    _, array = next(iter(session.arrays(Pipeline(), pictures, channels="L", dtype="float32")))
    assert (array.shape, array.dtype) == ((64, 96, 1), np.float32)
    assert 0.0 <= array.min() < array.max() <= 1.0


def test_a_kept_array_is_not_written_over(session, pictures):
    kept = list(session.arrays(Pipeline(), pictures))
    list(session.arrays(Pipeline().flip("horizontal"), pictures))
    assert all(np.array_equal(array, testing.pattern(96, 64, seed)) for seed, (_, array) in enumerate(kept))


def test_a_view_of_an_array_keeps_its_memory(session, pictures):
    views = [array[10:20, ::2, 1] for _, array in session.arrays(Pipeline(), pictures)]
    list(session.arrays(Pipeline().grey(), pictures))
    assert np.array_equal(views[3], testing.pattern(96, 64, 3)[10:20, ::2, 1])


def test_memory_is_free_again_when_the_arrays_are_gone(session, pictures):
    kept = list(session.arrays(Pipeline(), pictures))
    del kept
    gc.collect()
    session._arena.allocator.lease(0)
    assert session._arena.allocator.leased <= 1 << 16


def test_copies_need_no_arena(pictures):
    with Session(jobs=1, memory="1M") as small:
        arrays = [
            array for _, array in small.arrays(Pipeline().resize("256", enlarge=True), pictures, copy=True)
        ]
    assert len(arrays) == len(NAMES)


def test_holding_everything_names_the_way_out(pictures):
    with Session(jobs=2, memory="1M") as small, pytest.raises(imgpar.ArenaError, match="copy=True"):
        list(small.arrays(Pipeline().resize("400", enlarge=True), pictures))


def test_many_large_arrays_pass_through_little_memory(tmp_path):
    testing.write_pictures(tmp_path, NAMES, size=(400, 300))
    with Session(jobs=2, memory="2M") as small:
        assert sum(1 for _ in small.arrays(Pipeline(), tmp_path)) == len(NAMES)


def test_a_function_may_grow_the_picture_when_memory_is_short(tmp_path):
    testing.write_pictures(tmp_path, NAMES, size=(200, 150))
    with Session(jobs=2, memory="4M") as small:
        grown = Pipeline().apply(lambda array: np.repeat(np.repeat(array, 3, 0), 3, 1))
        shapes = {array.shape for _, array in small.arrays(grown, tmp_path)}
    assert shapes == {(450, 600, 3)}


@pytest.mark.parametrize("schedule", ["auto", "staged", "chain"])
def test_every_schedule_gives_the_same_arrays(session, pictures, schedule):
    pipe = Pipeline().resize("50%").apply(lambda array: array[::-1]).blur(1.0)
    sums = [int(array.sum()) for _, array in session.arrays(pipe, pictures, schedule=schedule)]
    expected = [int(array.sum()) for _, array in session.arrays(pipe, pictures, schedule="chain")]
    assert sums == expected


def test_a_failed_picture_is_left_out_and_told(session, pictures):
    (pictures / "03.png").write_bytes(b"not a picture")
    events = []
    names = [
        Path(i.path).name
        for i, _ in session.arrays(Pipeline(), pictures, errors="skip", on_event=events.append)
    ]
    assert names == [name for name in NAMES if name != "03.png"]
    assert [event.outcome.status for event in events].count("failed") == 1


def test_failures_nobody_listens_to_are_warned_of(session, pictures):
    (pictures / "03.png").write_bytes(b"not a picture")
    with pytest.warns(UserWarning, match="1 of 12 inputs failed"):
        list(session.arrays(Pipeline(), pictures, errors="skip"))


def test_stopping_early_frees_the_session(session, pictures):
    for _ in session.arrays(Pipeline(), pictures):
        break
    assert sum(1 for _ in session.arrays(Pipeline(), pictures)) == len(NAMES)


def test_workers_are_kept_from_run_to_run(pictures):
    with Session(jobs=2) as session:
        list(session.arrays(Pipeline(), pictures))
        before = {worker.process.pid for worker in session._pool.workers.values()}
        list(session.arrays(Pipeline().grey(), pictures))
        assert {worker.process.pid for worker in session._pool.workers.values()} == before


def test_there_are_never_more_workers_than_pictures(tmp_path):
    testing.write_pictures(tmp_path, ["a.png"])
    with Session(jobs=4) as session:
        list(session.arrays(Pipeline(), tmp_path))
        assert len(session._pool.workers) == 1


def test_a_session_serves_one_run_at_a_time(session, pictures):
    stream = session.arrays(Pipeline(), pictures)
    next(stream)
    with pytest.raises(imgpar.UsageError, match="in another run"):
        list(session.arrays(Pipeline(), pictures))
    stream.close()


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_session_leaves_nothing_behind(pictures, method):
    if method == "forkserver" and sys.platform == "win32":
        pytest.skip("Windows only spawns")
    with Session(jobs=2, start_method=method) as session:
        assert sum(1 for _ in session.arrays(Pipeline(), pictures)) == len(NAMES)


@pytest.mark.usefixtures("no_leaks")
def test_a_forgotten_session_is_cleaned_up(pictures):
    session = Session(jobs=1)
    list(session.arrays(Pipeline(), pictures))
    del session
    gc.collect()


def test_arrays_outlive_their_session(pictures):
    with Session(jobs=1) as session:
        kept = [array for _, array in session.arrays(Pipeline(), pictures)]
    assert np.array_equal(kept[5], testing.pattern(96, 64, 5))


def test_a_killed_worker_loses_nothing(pictures, tmp_path):
    pipe = Pipeline().apply(testing.die_once(str(tmp_path / "marker")))
    with Session(jobs=2) as session:
        arrays = [array for _, array in session.arrays(pipe, pictures)]
    assert [int(a.sum()) for a in arrays] == [
        int(testing.pattern(96, 64, s).sum()) for s in range(len(NAMES))
    ]


def run_script(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(text))
    return subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_script_needs_no_main_guard(tmp_path, pictures, method):
    done = run_script(
        tmp_path,
        f"""
        import imgpar
        print("once")
        def invert(array):
            return 255 - array
        with imgpar.Session(jobs=2, start_method={method!r}) as session:
            pipe = imgpar.Pipeline().apply(invert).apply(lambda a: a)
            print(sum(1 for _ in session.arrays(pipe, {str(pictures)!r})))
        """,
    )
    assert (done.stdout.split(), done.stderr, done.returncode) == (["once", "12"], "", 0)


def test_what_cannot_travel_is_one_clear_sentence(pictures):
    lock = threading.Lock()

    def locked(array):
        with lock:
            return array

    with pytest.raises(imgpar.UsageError, match=r"cannot be sent to worker processes.*lock"):
        list(Pipeline().apply(locked).arrays(pictures))


def test_workers_end_with_their_parent(tmp_path, pictures):
    done = run_script(
        tmp_path,
        f"""
        import imgpar, os, signal
        session = imgpar.Session(jobs=2)
        stream = session.arrays(imgpar.Pipeline(), {str(pictures)!r})
        next(stream)
        print(*[w.process.pid for w in session._pool.workers.values()], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    pids = [int(pid) for pid in done.stdout.split()]
    assert pids
    ended = threading.Event()
    deadline = 200
    while any(_alive(pid) for pid in pids) and deadline:
        ended.wait(0.01)
        deadline -= 1
    assert not any(_alive(pid) for pid in pids)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_bytes_in_bytes_out(pictures):
    import io

    data = (pictures / "00.png").read_bytes()
    result = Pipeline().resize("48").encode(data, to="jpg", quality=90)
    with Image.open(io.BytesIO(result)) as image:
        assert (image.format, image.size) == ("JPEG", (48, 32))


def test_leaving_early_does_not_cancel_the_callers_token(session, pictures):
    token = imgpar.CancelToken()
    for _ in session.arrays(Pipeline(), pictures, cancel=token):
        break
    assert not token.cancelled


def test_the_callers_token_stops_the_arrays(session, pictures):
    token = imgpar.CancelToken()
    token.cancel()
    with pytest.raises(imgpar.CancelledError, match="It was cancelled after 0 results"):
        list(session.arrays(Pipeline(), pictures, cancel=token))


def each_cancelled(results: Iterator[object], token: imgpar.CancelToken) -> int:
    """How many results come where the first one cancels the run; raises CancelledError."""
    number = 0
    for number, _ in enumerate(results, 1):  # noqa: B007
        token.cancel()
    return number


@pytest.mark.parametrize(
    "begin",
    [
        lambda session, many, token: session.arrays(Pipeline(), many, prefetch=1, cancel=token),
        lambda session, many, token: session.batches(Pipeline(), many, size=2, prefetch=1, cancel=token),
        lambda session, many, token: Pipeline().encode_all(
            many, to="png", session=session, prefetch=1, cancel=token
        ),
        lambda session, many, token: session.describe(many, cancel=token),
    ],
    ids=["arrays", "batches", "encode_all", "describe"],
)
def test_a_loop_that_is_cancelled_does_not_look_complete(session, pictures, begin):
    many = [str(path) for path in sorted(pictures.iterdir())[:2]] * 400
    token = imgpar.CancelToken()
    with pytest.raises(imgpar.CancelledError):
        each_cancelled(begin(session, many, token), token)


def test_a_token_that_comes_too_late_is_no_error(session, pictures):
    token = imgpar.CancelToken()
    first = min(pictures.iterdir())
    assert each_cancelled(session.arrays(Pipeline(), [first], cancel=token), token) == 1


def test_a_python_that_is_typed_into_may_start_a_session():
    done = subprocess.run(
        [sys.executable], input="import imgpar\nwith imgpar.Session(jobs=1): print('open')\n",
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("open\n", "")


ENDS = {
    "of its own": "",
    "by an error": "raise SystemExit(0)",
    "at once": "os._exit(0)",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "ended": "os.kill(os.getpid(), signal.SIGTERM)",
}


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("begin", ["imgpar.Pipeline()", "imgpar.Session(jobs=1)"])
def test_python_may_end_while_arrays_are_to_come(tmp_path: Path, begin: str, end: str) -> None:
    """Nothing is written but what the script says: no traceback of a thread, no word of leaked memory."""
    for number in range(12):
        Image.new("RGB", (64, 48), (number, 0, 0)).save(tmp_path / f"{number}.png")
    call = "made.arrays('.')" if "Pipeline" in begin else "made.arrays(imgpar.Pipeline(), '.')"
    code = f"import imgpar, os, signal; made = {begin}; found = {call}; first = next(found)"
    code += f"; print('taken', flush=True); {ENDS[end]}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("taken\n", "")
