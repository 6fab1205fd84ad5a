"""Texts of errors: an invalid value, an unknown name, an address; and what an exception of a library says."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Collection, Iterable

from imgpar.core.addresses import scheme_of, without_secrets
from imgpar.core.errors import BadValueError, OutputError, UnknownSettingError, UsageError


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


class InWords(str):
    """What was received, described: a message shows it without quotes."""

    __slots__ = ()


def bad_value(
    name: str, expected: str, received: object, known: Iterable[str] = (), *, fix: str = ""
) -> BadValueError:
    """The message for an invalid value, with the closest valid one.

    Args:
        name: of the option, as the user wrote it.
        expected: description of valid values.
        received: the value, or `InWords` that describe it.
        known: valid values, for a suggestion.
        fix: a sentence instead of the suggestion.

    >>> print(bad_value("--fit", "one of inside, cover", "covr", ["inside", "cover"]))
    Expected one of inside, cover for --fit but received 'covr'. Did you mean 'cover'?
    """
    shown = repr(received) if isinstance(received, str) else in_words(received)
    shown = str(received) if isinstance(received, InWords) else shown
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
