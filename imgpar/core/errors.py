"""Every exception that imgpar raises, and the message for a bad value.

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

import os
import re
import struct
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from imgpar.core.addresses import scheme_of, without_secrets


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
    """A value is invalid; see `bad_value`."""


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


def unknown_setting(name: str, known: Iterable[str]) -> UnknownSettingError:
    """The error for a keyword that does not exist, with the nearest one that does.

    >>> print(unknown_setting("rezise", ["resize", "crop"]))
    There is no setting 'rezise'. Did you mean 'resize'?
    """
    from imgpar.core import synonyms

    near = suggested(name, known)
    fix = synonyms.sentence(name) or (f"Did you mean {near!r}?" if near else "")
    return UnknownSettingError(f"There is no setting {name!r}.", fix=fix)


def unknown(what: str, name: str, known: Iterable[str]) -> BadValueError:
    """The message for an unknown name, with the closest known one.

    >>> print(unknown("format", "wepb", ["webp", "png"]))
    There is no format 'wepb'. Did you mean 'webp'?
    """
    near = closest(name, known)
    return BadValueError(f"There is no {what} {name!r}.", fix=f"Did you mean {near!r}?" if near else "")


def unknown_scheme(address: str, known: Collection[str], what: str = "read from") -> UsageError:
    """The error for an address of which nothing is read, or to which nothing is written; `known` are the
    schemes that can be used, where one may come twice.

    >>> print(unknown_scheme("foo://a", ["https", "s3", "https"]))
    Nothing can be read from addresses with foo:// (foo://a). Use https://, s3://, or a path.
    """
    every = ", ".join(f"{scheme}://" for scheme in dict.fromkeys(known))
    return UsageError(
        f"Nothing can be {what} addresses with {scheme_of(address)}:// ({without_secrets(address)}).",
        fix=f"Use {every}, or a path." if every else "Use a path.",
    )


def refuse_address(path: str, what: str = "a path") -> None:
    """Raise UsageError where a path on this machine is needed, but an address was given."""
    if scheme_of(path):
        shown = without_secrets(path)
        raise UsageError(f"{shown} is an address, not {what} on this machine.", fix="Name a path.")


def refuse_collapsed(path: str, known: Collection[str]) -> None:
    """Raise UsageError for an address that lost a slash, as in `Path("s3://bucket")`, unless it is a folder.

    >>> refuse_collapsed("s3:/bucket/a.jpg", ["s3"])
    Traceback (most recent call last):
    imgpar.core.errors.UsageError: s3:/bucket/a.jpg is a path. Write an address as text, with s3://.
    """
    first, slash, rest = path.partition(":/")
    if slash and first.lower() in known and not rest.startswith("/") and not os.path.exists(f"{first}:"):
        raise UsageError(
            f"{without_secrets(path)} is a path.",
            fix=f"Write an address as text, with {first.lower()}://.",
        )


def setting(name: str, value: str | bool | int | None = None) -> str:
    """How messages name a setting: as a flag, and as a keyword of Python.

    >>> setting("memory"), setting("accept_damaged", True), setting("codec", "ffv1")
    ('--memory (memory=)', '--accept-damaged (accept_damaged=True)', "--codec ffv1 (codec='ffv1')")
    """
    flag = f"--{name.replace('_', '-')}{'' if value is None or value is True else f' {value}'}"
    return f"{flag} ({name}={'' if value is None else repr(value)})"


class Words(str):
    """What was received, described: a message shows it without quotes."""

    __slots__ = ()


def bad_value(
    name: str, expected: str, received: object, known: Iterable[str] = (), *, fix: str = ""
) -> BadValueError:
    """The message for an invalid value, with the closest valid one.

    Args:
        name: of the option, as the user wrote it.
        expected: description of valid values.
        received: the value, or `Words` that describe it.
        known: valid values, for a suggestion.
        fix: a sentence instead of the suggestion.

    >>> print(bad_value("--fit", "one of inside, cover", "covr", ["inside", "cover"]))
    Expected one of inside, cover for --fit but received 'covr'. Did you mean 'cover'?
    """
    shown = repr(received) if isinstance(received, str) else in_words(received)
    shown = str(received) if isinstance(received, Words) else shown
    if not fix:
        from imgpar.core import synonyms

        known = list(known)
        near = synonyms.value_meant(str(received), known) or closest(str(received), known)
        fix = f"Did you mean {near!r}?" if near else ""
    return BadValueError(f"Expected {expected} for {name} but received {shown}.", fix=fix)


def in_words(value: object) -> str:
    """A value of a recipe or of Python as a message shows it.

    >>> in_words(True), in_words(8.5), in_words(None), in_words(["a"])
    ('true', '8.5', 'None', "the list ['a']")
    """
    if value is None:
        return "None"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if written := getattr(value, "isoformat", None):  # dates and times
        return str(written())
    kind = next((word for known, word in _CONTAINERS.items() if isinstance(value, known)), "")
    return f"the {kind} {value!r}" if kind else f"{value!r} of type {type(value).__name__}"


_CONTAINERS: dict[type, str] = {dict: "table", list: "list", tuple: "list"}


def suggested(word: str, known: Iterable[str]) -> str:
    """The setting that is probably meant: what other tools call so, or the closest name; may be empty.

    >>> suggested("threads", ["jobs", "timeout"]), suggested("qualtiy", ["quality"])
    ('jobs', 'quality')
    """
    from imgpar.core import synonyms

    known = list(known)
    return synonyms.meant(word, known) or closest(word, known)


def closest(word: str, known: Iterable[str]) -> str:
    """The known word closest to this one; empty where none is close."""
    import difflib  # this module is imported before all others

    return next(iter(difflib.get_close_matches(word.lower(), list(known), n=1)), "")


_BUILTIN_ERRORS = (
    TypeError, AttributeError, LookupError, ArithmeticError, AssertionError, NameError, UnicodeError,
    RecursionError, StopIteration, struct.error,
)  # fmt: skip
"""Exceptions of Python itself, whose text is meant for developers."""
_BUILTIN_TEXT = re.compile(
    "invalid literal|unpack|is not a valid|could not convert|could not broadcast|cannot reshape|argument"
    r"|^\w+ returned [A-Z_]+$"
)


_FUNCTION = re.compile(r"^[a-z]\w*\(\): |^(?=\w*[A-Z_])[A-Za-z]\w* returned (?=\S+ )")
"""The name of the C function that failed, where more text follows."""


def raised_words(error: BaseException) -> str:
    """An exception as a part of a sentence: its class, and its text where it has one.

    >>> raised_words(KeyError("a")), raised_words(ValueError())
    ("KeyError: 'a'", 'ValueError')
    """
    return f"{type(error).__name__}: {_text_of(error)}".removesuffix(": ").removesuffix(".")


def _text_of(error: BaseException) -> str:
    """The text of an exception; empty where its class cannot give one."""
    try:
        return str(error)
    except Exception:
        return ""


def library_words(error: BaseException, otherwise: str = "its structure cannot be read") -> str:
    """The message of a library about a file; `otherwise` where the text is that of a Python error.

    >>> library_words(RuntimeError(b"Unsupported file format"))
    'Unsupported file format'
    >>> library_words(RuntimeError("charls_jpegls_decode returned the bit stream ends too early"))
    'the bit stream ends too early'
    >>> library_words(TypeError("'bytes' object cannot be interpreted as an integer"))
    'its structure cannot be read'
    """
    if isinstance(error, _BUILTIN_ERRORS) or isinstance(error.__cause__, _BUILTIN_ERRORS):
        return otherwise
    first = error.args[0] if error.args else ""
    text = first.decode("utf-8", "replace") if isinstance(first, bytes) else _text_of(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    text = str(getattr(error, "err", "") or text)  # OpenCV: without the place in its source
    text = re.sub(r"\s*<[^<>]* at 0x[0-9a-fA-F]+>", "", text)
    text = _FUNCTION.sub("", text)
    text = re.sub(r"""\bb(['"])(.*?)\1""", r"\2", text).strip().rstrip(".:")
    return otherwise if not text or _BUILTIN_TEXT.search(text) else text


def garbled(path: str) -> OutputError:
    """The error for a journal with invalid rows."""
    return OutputError(
        f"The journal {path} has rows that cannot be read.",
        fix="Move it away; the next run begins a new one.",
    )
