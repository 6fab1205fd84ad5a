"""Every exception that imgpar raises. What their messages say is made in `core/error_messages`.

ImgparError                what, where, why, and what to do
├── UsageError             invalid call; nothing was written (exit code 2)
│   ├── BadValueError      invalid value: "Expected X for NAME but received V"
│   ├── UnknownSettingError  no setting has this name; also a TypeError
│   └── NoInputError       valid call, but nothing matched (exit code 3)
├── ItemError              one input failed; the run continues (exit code 1)
│   ├── SourceError        not found, not readable, or changed while it was read; RefusedError: not allowed
│   ├── UnknownFormatError the content is of no known format
│   ├── UnsupportedError   an unsupported kind of its format; the file may be intact
│   ├── MissingExtraError  the format needs a package that is not installed
│   ├── LimitError         exceeds a limit (pixels, frames, memory, time)
│   ├── DamagedError       truncated or corrupt
│   ├── LockedError        encrypted: needs a password or a licence
│   ├── TransformError     an operation failed
│   ├── EncodeError        the target format cannot hold it, or the encoder failed
│   ├── CommitError        its output could not be written
│   ├── NoSuchPageError    it has none of the requested pages
│   ├── NothingReadError   none of the inputs of one file can be read
│   └── WorkerDiedError    its worker process crashed, hung or was killed
└── RunError               the run cannot continue (exit code 4)
    ├── OutputLockedError  another run is writing to the same folder
    ├── OutputError        OUT cannot be created, read or written
    ├── DiskFullError      no space left
    ├── CancelledError     the caller has cancelled it, and results are missing
    └── ArenaError         no shared memory, or all of it is held by the caller
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from imgpar.core.addresses import without_secrets


class ImgparError(Exception):
    """Base class: `message` states what went wrong, `fix` what to do about it.

    >>> str(ImgparError("OUT is locked.", fix="Wait for the other run."))
    'OUT is locked. Wait for the other run.'
    """

    exit_code = 1
    topic = "errors"
    """What `imgpar help TOPIC` explains about it; every class has one."""
    may_pass = False
    """Whether a retry with the same input may succeed: the cause was the disk, the network, a permission,
    memory, or a killed process."""
    traceback = ""
    """What was raised in a worker, as Python shows it, with the lines of your function; else empty. An
    exception that was raised in this process has its cause (`__cause__`) instead."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        message, fix = without_secrets(message), without_secrets(fix)
        super().__init__(message, fix)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.fix), self.__dict__)


E = TypeVar("E", bound=ImgparError)


def traced(error: E, traceback: str) -> E:
    """The error with the traceback of a worker, which Python prints below it; an empty one changes nothing.

    >>> traced(ItemError("It failed."), "Traceback ...").__notes__
    ['In a worker:\\nTraceback ...']
    """
    if traceback:
        error.traceback = traceback
        error.add_note(f"In a worker:\n{traceback}")
    return error


def item_error(kind: str, message: str, traceback: str = "") -> ItemError:
    """The exception of a failed item, from the name of its class, its text and the traceback of a worker.

    >>> item_error("DamagedError", "It is truncated.")
    DamagedError('It is truncated.')
    """
    found = globals().get(kind)
    known = found if isinstance(found, type) and issubclass(found, ItemError) else ItemError
    return traced(known(message), traceback)


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Let the errors of items in the block begin with the path of their file; an empty one is unknown.

    >>> with naming("a.jpg"):
    ...     raise DamagedError("It is truncated.")
    Traceback (most recent call last):
    imgpar.core.errors.DamagedError: a.jpg: It is truncated.
    """
    try:
        yield
    except ItemError as error:
        if path:
            error.message = f"{without_secrets(path)}: {error.message}"
            error.args = (error.message, error.fix)
        raise


def _rebuild(kind: type[ImgparError], message: str, fix: str) -> ImgparError:
    """Rebuild the exception in another process: keyword arguments are not pickled."""
    return kind(message, fix=fix)


class UsageError(ImgparError):
    """The call is invalid; nothing was written."""

    topic = "usage"
    exit_code = 2


class BadValueError(UsageError, ValueError):
    """A value is invalid; see `error_messages.bad_value`."""


class UnknownSettingError(UsageError, TypeError):
    """A keyword is the name of no setting."""


class NoInputError(UsageError):
    """The call is valid, but no input matched."""

    topic = "inputs"
    exit_code = 3


class NothingFailedError(UsageError):
    """There is nothing to retry; treated as success."""

    topic = "exit-codes"
    exit_code = 0


class ItemError(ImgparError):
    """One input failed; the run continues."""


class SourceError(ItemError):
    """The input cannot be found or read, or it changed while it was read."""

    topic = "unreadable"
    may_pass = True


class NoFileError(SourceError):
    """The path does not exist, or is not a file."""

    may_pass = False


class RefusedError(SourceError):
    """The server, or a rule of the run, does not allow to read it."""

    topic = "network"
    may_pass = False


class TryAgainError(SourceError):
    """A transfer failed in a way that may pass soon."""

    topic = "network"
    after = 0.0
    """Seconds that the server asks to wait."""


class NoConnectionError(TryAgainError):
    """No connection to the server could be made."""

    host = ""
    """Its name, with the port if one was given."""


class UnknownFormatError(ItemError):
    """The content is of no known format."""

    topic = "unsupported"


class UnsupportedError(ItemError):
    """The content is of an unsupported kind of its format; the file may be intact."""

    topic = "unsupported"


class MissingExtraError(ItemError):
    """The format needs a package that is not installed; `fix` is the exact command."""

    topic = "formats"
    may_pass = True


class LimitError(ItemError):
    """The input exceeds a limit."""

    topic = "limits"


class OutOfMemoryError(LimitError):
    """The system, or the memory limit of a worker, allows no more memory."""

    may_pass = True


class DamagedError(ItemError):
    """The content is truncated or corrupt."""

    topic = "damaged"


class LockedError(ItemError):
    """The content is encrypted, or its server asks who reads it: needs a password or a licence."""

    topic = "locked"


class TransformError(ItemError):
    """An operation failed on this input."""

    topic = "operations"


class EncodeError(ItemError):
    """The target format cannot hold the picture, or its encoder failed."""

    topic = "unsupported"


class UnmetError(EncodeError):
    """A size or a score that was asked for cannot be reached."""

    topic = "quality"


class HelperKilledError(EncodeError):
    """A program started for the item was killed from outside; the worker retries."""

    topic = "crashes"
    may_pass = True


class CommitError(ItemError):
    """The output could not be written."""

    topic = "outputs"
    may_pass = True


class KeptError(ItemError):
    """The existing file belongs to the user: it is kept, and the item is skipped."""

    topic = "skipped"


class NotSmallerError(ItemError):
    """In place, the new file would not be smaller than the original, which is kept: it is skipped."""

    topic = "skipped"
    digest = ""
    """Of the content of the original; empty is unknown."""


class NothingThereError(ItemError):
    """The input does not have what was to be extracted from it: it is skipped."""

    topic = "skipped"


class NoSuchPageError(ItemError):
    """The input has none of the requested pages or frames: it is skipped."""

    topic = "skipped"


class NothingReadError(ItemError):
    """None of the inputs of one file can be read."""

    topic = "damaged"
    failures: tuple[object, ...] = ()
    """Why, for each input (`runtime.protocol.ItemFailure`)."""


class WorkerDiedError(ItemError):
    """The process that worked on the input crashed, hung or was killed."""

    topic = "crashes"
    may_pass = True


class RunError(ImgparError):
    """The run cannot continue."""

    topic = "exit-codes"
    exit_code = 4
    may_pass = True


class SetupError(RunError):
    """`setup()` of a function of the user has failed: no picture can be made."""

    topic = "crashes"


class OutputLockedError(RunError):
    """Another run is writing to the same folder."""

    topic = "outputs"


class OutputError(RunError):
    """OUT cannot be created, read or written."""

    topic = "outputs"


class DiskFullError(RunError):
    """No space is left where the output goes."""

    topic = "outputs"


class ClosedOutputError(RunError):
    """Whoever read standard output has gone."""

    topic = "outputs"


class CancelledError(RunError):
    """The caller has cancelled it before the last result."""


class ArenaError(RunError):
    """There is no shared memory, or all of it is held by the caller."""

    topic = "limits"


def may_pass(kind: str) -> bool:
    """Whether a retry may succeed after this kind of error (see `Outcome.kind`).

    >>> may_pass("WorkerDiedError"), may_pass("DamagedError"), may_pass("")
    (True, False, False)
    """
    found = globals().get(kind)
    return bool(getattr(found, "may_pass", False))


def topic_of(kind: str) -> str:
    """What `imgpar help TOPIC` explains about this kind of error (see `Outcome.kind`).

    >>> topic_of("DamagedError"), topic_of("LimitError"), topic_of("")
    ('damaged', 'limits', 'errors')
    """
    return str(getattr(globals().get(kind), "topic", ImgparError.topic))


_OUTSIDE = frozenset(
    ("SourceError", "CommitError", "OutOfMemoryError", "HelperKilledError", "OutputError", "DiskFullError")
)


def is_from_outside(kind: str) -> bool:
    """Whether a failure of this class says nothing about the content of the input: the disk, the network, a
    permission or the memory was the cause.

    >>> is_from_outside("SourceError"), is_from_outside("DamagedError"), is_from_outside("WorkerDiedError")
    (True, False, False)
    """
    return kind in _OUTSIDE
