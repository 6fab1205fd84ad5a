"""Calls that wait, from an event loop of asyncio: they work in threads, and the loop goes on.

    await in_thread(work)        one result
    async for … in each(items)   one item at a time: the next one is asked for when the loop wants it

A task that is cancelled stops its run, and ends when the run has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TypeVar, cast

from imgpar.runtime.scheduler import CancelToken

Result = TypeVar("Result")
_END = object()


async def in_thread(work: Callable[[], Result], cancel: CancelToken) -> Result:
    """The result of `work`, which is called in a thread.

    Args:
        work: waits for a run, which `cancel` stops.
        cancel: killed when the task is cancelled.

    Raises:
        CancelledError: the task was cancelled; `work` has ended.
        Exception: from `work`.
    """
    future = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        cancel.kill()
        while not future.done():
            with contextlib.suppress(asyncio.CancelledError):  # of a task that is cancelled again
                await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # nobody else asks for it
        raise


async def each(make: Callable[[], Generator[Result]], cancel: CancelToken) -> AsyncGenerator[Result]:
    """The items of a generator, which is made and advanced in threads; no more is made than is asked for.

    Args:
        make: returns the generator.
        cancel: stops it; killed when the task is cancelled.
    """
    loop = asyncio.get_running_loop()
    items = await in_thread(make, cancel)
    try:
        while (found := await in_thread(lambda: next(items, _END), cancel)) is not _END:
            yield cast("Result", found)
            del found  # a view of memory that is wanted again
    finally:
        if _runs(loop):
            await in_thread(items.close, cancel)
        else:  # the garbage collector ends it after its loop, and nothing can be awaited
            items.close()


def _runs(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the loop runs in this thread."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
