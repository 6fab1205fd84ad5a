"""The message that a worker sends for an exception: text only, never the exception."""

from __future__ import annotations

import os

from imgpar.core.addresses import without_secrets
from imgpar.core.error_messages import library_words, setting
from imgpar.core.errors import ImgparError, MissingExtraError, OutOfMemoryError, SourceError, TransformError
from imgpar.core.forbidden import FORBIDS, NO_SANDBOX, forbidden
from imgpar.core.fs import no_room
from imgpar.runtime.channel import shorten
from imgpar.runtime.protocol import Failed


def failure_of(
    error: Exception,
    serial: int,
    stage: str,
    timings: tuple[tuple[str, float], ...],
    item: int = -1,
    path: str = "",
) -> Failed:
    """The message for an exception; with a traceback unless the error is an imgpar error.

    Args:
        error: the exception.
        serial: of the task.
        stage: name of the stage in which it was raised.
        timings: seconds per stage so far.
        item: index of the item that was being processed, in a job with several; −1 is none.
        path: of the item, for the traceback; empty is unknown.
    """
    known = error if isinstance(error, ImgparError) else _as_item_error(error)
    return Failed(
        serial,
        stage,
        type(known).__name__,
        shorten(known.message, 1000),
        shorten(known.fix, 1000),
        traceback_of(error, path),
        timings,
        item=item,
        failures=getattr(known, "failures", ()),
        digest=getattr(known, "digest", ""),
    )


def _as_item_error(error: Exception) -> ImgparError:
    if isinstance(error, MemoryError):
        return OutOfMemoryError(
            f"It needs more memory than a worker may use{_memory_limit_text()}.",
            fix=f"Give it more with {setting('worker_memory')}, or leave it out.",
        )
    if isinstance(error, ImportError):
        return MissingExtraError(
            f"A package is missing: {error}.", fix="imgpar doctor lists what to install."
        )
    if isinstance(error, OSError):
        if full := no_room(
            error, os.path.dirname(error.filename2 or error.filename or "") or "a folder of this job"
        ):
            return full
        if forbidden(error):
            return SourceError(f"{error.filename} cannot be read or written. {FORBIDS}", fix=NO_SANDBOX)
        return SourceError(
            f"It cannot be read or written: {error.strerror or error}.", fix="Check the disk and run again."
        )
    return TransformError(
        f"Something went wrong inside imgpar: {library_words(error, 'an unexpected error')}.",
        fix="Please send its traceback to the authors.",
    )


def traceback_of(error: Exception, path: str = "") -> str:
    """The traceback of an exception as text without secrets, shortened; empty for errors of imgpar that have
    no other cause. `path` is the item, if known."""
    if isinstance(error, ImgparError) and error.__cause__ is None:
        return ""
    import traceback

    # The cause comes first, and a long text is cut in the middle.
    lines = [*traceback.format_exception(error), f"While processing {path}\n" if path else ""]
    # Cleaned before it is cut: half an address would not be recognised.
    return shorten(without_secrets("".join(lines)))


def _memory_limit_text() -> str:
    if not os.path.exists("/proc/self"):
        return ""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return f" ({limit >> 20:,} MiB)" if limit > 0 else ""
