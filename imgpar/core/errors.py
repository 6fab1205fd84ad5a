"""Every exception that imgpar raises, and the one sentence for a bad value.

ImgparError                what, where, why, and what to do
├── UsageError             the call is wrong; nothing was written (exit code 2)
│   ├── BadValueError      one value is wrong: "Expected X for NAME but received V"
│   ├── UnknownSettingError  no setting has this name; also a TypeError
│   └── NoInputError       the call is right, but nothing matched (exit code 3)
├── ItemError              one input failed; the run goes on (exit code 1)
│   ├── SourceError        it cannot be found or read, or changed while it was read
│   ├── UnknownFormatError its content is no format that imgpar knows
│   ├── UnsupportedError   its content is of a kind that imgpar does not read; it may well be whole
│   ├── MissingExtraError  the format needs a package that is not installed
│   ├── LimitError         it is larger than a limit allows (pixels, frames, memory, time)
│   ├── DamagedError       its content is truncated or corrupt
│   ├── LockedError        it is encrypted: only a password or a licence opens it
│   ├── TransformError     an operation failed on it
│   ├── EncodeError        the target format cannot hold it, or the encoder failed
│   ├── CommitError        its output could not be written
│   └── WorkerDiedError    the process that worked on it crashed, hung or was killed
└── RunError               the run cannot go on (exit code 4)
    ├── OutputLockedError  another run is writing to the same folder
    ├── OutputError        OUT cannot be made, read or written
    ├── DiskFullError      no space left
    └── ArenaError         shared memory cannot be had, or is held by the caller
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable


class ImgparError(Exception):
    """Base of all: `message` says what went wrong, `fix` what to do about it.

    >>> str(ImgparError("OUT is locked.", fix="Wait for the other run."))
    'OUT is locked. Wait for the other run.'
    """

    exit_code = 1
    may_pass = False
    """Whether the same call may go better later with the same input: the cause was the disk, the network, a
    permission, memory, or a process that was killed."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message, fix)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.fix))


def _rebuild(kind: type[ImgparError], message: str, fix: str) -> ImgparError:
    """Make the exception again in another process: keyword arguments do not survive pickling."""
    return kind(message, fix=fix)


class UsageError(ImgparError):
    """The call is wrong; nothing was written."""

    exit_code = 2


class BadValueError(UsageError, ValueError):
    """One value is wrong; see `bad_value`."""


class UnknownSettingError(UsageError, TypeError):
    """A keyword is the name of no setting."""


class NoInputError(UsageError):
    """The call is right, but no input matched."""

    exit_code = 3


class NothingFailedError(UsageError):
    """There is nothing to run again, which is as good as if it had been done."""

    exit_code = 0


class ItemError(ImgparError):
    """One input failed; the run goes on."""


class SourceError(ItemError):
    """The input cannot be found or read, or it changed while it was read."""

    may_pass = True


class NoFileError(SourceError):
    """What was named is not there, or is no file."""

    may_pass = False


class UnknownFormatError(ItemError):
    """The content is no format that imgpar knows."""


class UnsupportedError(ItemError):
    """The content is of a kind of its format that imgpar does not read; the file may well be whole."""


class MissingExtraError(ItemError):
    """The format needs a package that is not installed; `fix` is the exact command."""

    may_pass = True


class LimitError(ItemError):
    """The input is larger than a limit allows."""


class OutOfMemoryError(LimitError):
    """The system, or the limit of a worker, gave no more memory."""

    may_pass = True


class DamagedError(ItemError):
    """The content is truncated or corrupt."""


class LockedError(ItemError):
    """The content is encrypted: only a password or a licence opens it."""


class TransformError(ItemError):
    """An operation failed on this input."""


class EncodeError(ItemError):
    """The target format cannot hold the picture, or its encoder failed."""


class HelperKilledError(EncodeError):
    """A program that was started for the item was killed from outside; a worker then begins again."""

    may_pass = True


class CommitError(ItemError):
    """The output could not be written."""

    may_pass = True


class KeptError(ItemError):
    """The file in the place of the output is the user's: it was left alone, and the item is skipped."""


class WorkerDiedError(ItemError):
    """The process that worked on the input crashed, hung or was killed."""

    may_pass = True


class RunError(ImgparError):
    """The run cannot go on."""

    exit_code = 4
    may_pass = True


class OutputLockedError(RunError):
    """Another run is writing to the same folder."""


class OutputError(RunError):
    """OUT cannot be made, read or written."""


class DiskFullError(RunError):
    """No space is left where the output goes."""


class ArenaError(RunError):
    """Shared memory cannot be had, or all of it is held by the caller."""


def may_pass(kind: str) -> bool:
    """Whether what failed with this kind of error (as `Outcome.kind` names it) may go better a second time.

    >>> may_pass("WorkerDiedError"), may_pass("DamagedError"), may_pass("")
    (True, False, False)
    """
    found = globals().get(kind)
    return bool(getattr(found, "may_pass", False))


def unknown_setting(name: str, known: Iterable[str]) -> UnknownSettingError:
    """The error for a keyword that does not exist, with the nearest one that does.

    >>> print(unknown_setting("rezise", ["resize", "crop"]))
    There is no setting 'rezise'. Did you mean 'resize'?
    """
    near = closest(name, known)
    return UnknownSettingError(
        f"There is no setting {name!r}.", fix=f"Did you mean {near!r}?" if near else ""
    )


def unknown(what: str, name: str, known: Iterable[str]) -> BadValueError:
    """The one sentence for a name that does not exist, with the nearest one that does.

    >>> print(unknown("format", "wepb", ["webp", "png"]))
    There is no format 'wepb'. Did you mean 'webp'?
    """
    near = closest(name, known)
    return BadValueError(f"There is no {what} {name!r}.", fix=f"Did you mean {near!r}?" if near else "")


def bad_value(name: str, expected: str, received: object, known: Iterable[str] = ()) -> BadValueError:
    """The one sentence for a wrong value, with the nearest right one where there is one.

    >>> print(bad_value("--fit", "one of inside, cover", "covr", ["inside", "cover"]))
    Expected one of inside, cover for --fit but received 'covr'. Did you mean 'cover'?
    """
    shown = repr(received) if isinstance(received, str) else f"{received!r} of type {type(received).__name__}"
    near = closest(str(received), known)
    fix = f"Did you mean {near!r}?" if near else ""
    return BadValueError(f"Expected {expected} for {name} but received {shown}.", fix=fix)


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant; empty where none is near."""
    import difflib  # this module is imported before all others

    return next(iter(difflib.get_close_matches(word.lower(), list(known), n=1)), "")


_PYTHONS_OWN = (
    TypeError, AttributeError, LookupError, ArithmeticError, AssertionError, NameError, UnicodeError,
    RecursionError, StopIteration, struct.error,
)  # fmt: skip
"""Errors that tell where a decoder stumbled, in words for those who write it."""
_PYTHONS_WORDS = re.compile(
    "invalid literal|unpack|is not a valid|could not convert|could not broadcast|cannot reshape|argument"
    r"|^\w+ returned [A-Z_]+$"
)


_FUNCTION = re.compile(r"^[a-z]\w*\(\): |^(?=\w*[A-Z_])[A-Za-z]\w* returned (?=\S+ )")
"""The name of the C function that failed, where more words follow."""


def library_words(error: BaseException, otherwise: str = "its structure cannot be read") -> str:
    """What a library says of a file, for people; `otherwise` where the words are Python's own.

    >>> library_words(RuntimeError(b"Unsupported file format"))
    'Unsupported file format'
    >>> library_words(RuntimeError("charls_jpegls_decode returned the bit stream ends too early"))
    'the bit stream ends too early'
    >>> library_words(TypeError("'bytes' object cannot be interpreted as an integer"))
    'its structure cannot be read'
    """
    if isinstance(error, _PYTHONS_OWN) or isinstance(error.__cause__, _PYTHONS_OWN):
        return otherwise
    first = error.args[0] if error.args else ""
    text = first.decode("utf-8", "replace") if isinstance(first, bytes) else str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    text = str(getattr(error, "err", "") or text)  # OpenCV: without the place in its source
    text = re.sub(r"\s*<[^<>]* at 0x[0-9a-fA-F]+>", "", text)
    text = _FUNCTION.sub("", text)
    text = re.sub(r"""\bb(['"])(.*?)\1""", r"\2", text).strip().rstrip(".:")
    return otherwise if not text or _PYTHONS_WORDS.search(text) else text


def garbled(path: str) -> OutputError:
    """The error for a journal with rows that imgpar did not write."""
    return OutputError(
        f"The journal {path} has rows that cannot be read.",
        fix="Move it away; the next run begins a new one.",
    )
