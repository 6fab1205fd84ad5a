"""Calls in an event loop: the loop goes on, a cancelled task stops its run, exceptions pass."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import imgpar
from imgpar.testing import hang, pattern, write_pictures

PIPE = imgpar.Pipeline().resize("16")


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    """Two workers."""
    with imgpar.Session(jobs=2, memory="64M") as workers:
        yield workers


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Three pictures."""
    return write_pictures(tmp_path_factory.mktemp("photos"), ["a.png", "b.png", "c.png"], (32, 24))


def png() -> bytes:
    """A small PNG."""
    data = io.BytesIO()
    Image.fromarray(pattern(32, 24)).save(data, "PNG")
    return data.getvalue()


class Gate:
    """A thread waits in it until the event loop lets it go on, which it only does if the loop runs."""

    def __init__(self) -> None:
        self._reached, self._opened = threading.Event(), threading.Event()

    def __call__(self, given: Any) -> Any:
        self._reached.set()
        assert self._opened.wait(30)
        return given

    async def passed(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of `work`, whose thread has waited."""
        task = asyncio.ensure_future(work)
        while not (self._reached.is_set() or task.done()):
            await asyncio.sleep(0.001)
        self._opened.set()
        return await task


# ----- the loop goes on --------------------------------------------------------------------------------


def test_the_loop_goes_on_while_a_picture_is_encoded():
    gate = Gate()
    made = asyncio.run(gate.passed(PIPE.apply(gate).aencode(png(), to="jpg")))
    assert made[:2] == b"\xff\xd8"


def test_the_loop_goes_on_during_a_run(photos, session):
    gate = Gate()
    work = PIPE.arun(photos, imgpar.MemorySink(), session=session, on_event=gate)
    assert asyncio.run(gate.passed(work)).ok == 3


def test_the_loop_goes_on_while_arrays_are_made(photos):
    gate = Gate()

    async def names() -> list[str]:
        found = PIPE.aarrays(photos, jobs=1, memory="64M", on_event=gate)
        return [Path(item.path).name async for item, _ in found]

    assert asyncio.run(gate.passed(names())) == ["a.png", "b.png", "c.png"]


def test_several_pictures_at_once():
    async def all_of_them() -> list[bytes]:
        return await asyncio.gather(*(PIPE.aencode(png(), to="jpg") for _ in range(4)))

    assert set(asyncio.run(all_of_them())) == {PIPE.encode(png(), to="jpg")}


def test_arrays_of_a_session(photos, session):
    async def shapes() -> list[tuple[int, ...]]:
        return [array.shape async for _, array in session.aarrays(PIPE, photos)]

    assert asyncio.run(shapes()) == [(12, 16, 3)] * 3


# ----- cancellation --------------------------------------------------------------------------------------


async def cancelled_when_begun(work: Coroutine[Any, Any, Any], begun: threading.Event) -> bool:
    """Cancel a task when its run has begun; whether the task says so."""
    task = asyncio.ensure_future(work)
    while not begun.is_set():
        await asyncio.sleep(0.001)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return task.cancelled()


class Begun(threading.Event):
    """A listener that is set when a worker has begun with an input."""

    starts = True

    def __call__(self, event: imgpar.Event) -> None:
        if event.kind == "started":
            self.set()


def test_a_cancelled_task_stops_its_run(photos, session):
    begun = Begun()
    work = PIPE.apply(hang).arun(photos, imgpar.MemorySink(), session=session, on_event=begun)
    assert asyncio.run(cancelled_when_begun(work, begun))


def test_after_a_cancelled_task_the_session_is_free(photos, session):
    begun = Begun()
    work = PIPE.apply(hang).arun(photos, imgpar.MemorySink(), session=session, on_event=begun)
    asyncio.run(cancelled_when_begun(work, begun))
    assert PIPE.run(photos, imgpar.MemorySink(), session=session).ok == 3


def test_a_cancelled_task_ends_its_arrays(photos):
    begun = threading.Event()

    async def arrays() -> None:
        async for _ in PIPE.apply(hang).aarrays(photos, jobs=1, memory="64M"):
            pass

    async def start_and_cancel() -> bool:
        task = asyncio.ensure_future(arrays())
        while not any(thread.name == "imgpar-results" for thread in threading.enumerate()):
            await asyncio.sleep(0.001)
        begun.set()
        return await cancelled_when_begun(_awaited(task), begun)

    asyncio.run(start_and_cancel())
    assert not any(thread.name == "imgpar-results" for thread in threading.enumerate())


async def _awaited(task: asyncio.Future[Any]) -> Any:
    return await task


def test_a_loop_that_is_left_frees_the_session(photos, session):
    async def first() -> str:
        async with contextlib.aclosing(session.aarrays(PIPE, photos)) as found:
            async for item, _ in found:
                return Path(item.path).name
        return ""

    assert asyncio.run(first()) == "a.png"
    assert len(list(session.arrays(PIPE, photos))) == 3


def test_the_token_of_the_caller_stops_the_run(photos, session):
    token = imgpar.CancelToken()
    token.cancel()
    assert asyncio.run(PIPE.arun(photos, imgpar.MemorySink(), session=session, cancel=token)).cancelled


# ----- exceptions -----------------------------------------------------------------------------------------


def test_errors_of_a_picture_pass():
    with pytest.raises(imgpar.UnknownFormatError):
        asyncio.run(PIPE.aencode(b"garbage"))


def test_errors_of_a_run_pass(photos):
    with pytest.raises(imgpar.UsageError, match="destination"):
        asyncio.run(PIPE.arun(photos))


def test_errors_of_arrays_pass():
    async def arrays() -> None:
        async for _ in PIPE.aarrays("none/", jobs=1):
            pass

    with pytest.raises(imgpar.SourceError, match="does not exist"):
        asyncio.run(arrays())


@pytest.fixture
def first_of_a_closed_loop(session, photos) -> Any:
    """An iterator of arrays whose loop was closed after the first one."""
    loop = asyncio.new_event_loop()
    arrays = session.aarrays(PIPE, [photos / "a.png"] * 200)
    loop.run_until_complete(anext(arrays))
    loop.close()
    return [arrays]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_arrays_dropped_after_their_loop_free_the_session(session, photos, first_of_a_closed_loop) -> None:
    first_of_a_closed_loop.clear()
    gc.collect()
    assert len(list(session.arrays(PIPE, photos))) == 3


def test_arrays_dropped_after_their_loop_print_nothing(first_of_a_closed_loop, capfd) -> None:
    first_of_a_closed_loop.clear()
    gc.collect()
    assert capfd.readouterr().err == ""
