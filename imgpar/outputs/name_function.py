"""A function of the caller that names outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imgpar.core.error_messages import raised_words
from imgpar.core.errors import UsageError
from imgpar.core.filenames import split_suffix
from imgpar.core.job import Item
from imgpar.formats.registry import format_of_suffix
from imgpar.ops.function_digest import fingerprint

NameFunction = Callable[[Item], str]
"""Takes an input, and returns the path of its output below OUT, with `/` and without a suffix."""
FIELD = "function"
"""The field of its template."""
FORBIDDEN = frozenset('\\:*?"<>|')
"""Characters that some file system refuses."""


class NoNameError(UsageError):
    """The template or the function gives no name for an input."""


class FunctionName(str):
    """The template of a function, wherever others are. Its text changes with the code of the function,
    so that the keys of outputs do.

    Args:
        function: called in the parent process, once for each input.
        before, after: text around each name.
    """

    function: NameFunction
    before: str
    after: str

    def __new__(cls, function: NameFunction, before: str = "", after: str = "") -> FunctionName:
        around = (before + after).encode().hex()
        made = super().__new__(cls, f"{{{FIELD}|{fingerprint(function)[:16]}{around}}}")
        made.function, made.before, made.after = function, before, after
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return FunctionName, (self.function, self.before, self.after)

    def of(self, item: Item) -> str:
        """The path of the output of an input, below OUT and without its suffix.

        Raises:
            NoNameError: the function raises an exception, or returns no such path.
        """
        try:
            text = self.function(item)
        except Exception as error:
            raise NoNameError(f"The function for its name raised {raised_words(error)}.") from error
        if wrong := _what_is_wrong(text):
            raise NoNameError(
                f"The function for its name returned {text!r}, {wrong}.",
                fix="Return a path below OUT, with / and without a suffix.",
            )
        above, slash, stem = text.rpartition("/")
        return f"{above}{slash}{self.before}{stem}{self.after}"


def _what_is_wrong(text: object) -> str:
    """Why a text is no path of an output; empty where it is one."""
    if not isinstance(text, str):
        return f"which is of type {type(text).__name__}"
    if not all(part.strip(" .") for part in text.split("/")):
        return "which may lead out of OUT"
    if wrong := next((c for c in text if c in FORBIDDEN or not c.isprintable()), ""):
        return f"which has {wrong!r} in it"
    if split_suffix(text)[1] and format_of_suffix(text):
        return "which has a suffix, but the format decides it"
    return ""
