"""A look at sentences for people: nothing of Python, of the package's own files or of a library's source."""

from __future__ import annotations

import re

_INTERNALS = {
    "bytes of Python": r"\bb(?:'[^']*'|\"[^\"]*\")",
    "an address": r"\b0x[0-9a-fA-F]{5,}",
    "a type of Python": r"<class|NoneType|\bobject (?:is|of|has)\b|<\w[\w.]* object",
    "a traceback": r"Traceback|\.pyx?\b|site-packages",
    "an exception": r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)*(?:Error|Exception)\b",
    "an error number": r"\b[Ee]rrno\b",
    "OpenCV's source": r"OpenCV\(|/modules/|\.[ch]pp\b|\(-\d+:|grfmt_",
    "words of Python": r"invalid literal(?!/lengths)|unpack requires|not enough values|index out of range|"
    r"codec can't|cannot be interpreted as|must be (?:str|int|bytes|tuple)|positional argument|"
    r"has no attribute|is not a valid \w+$",
}


def internals(text: str) -> list[str]:
    """What a sentence holds that is nothing for people; empty for a plain one.

    >>> internals("This PNG is truncated or corrupt: broken chunk b'IHDR'.")
    ["bytes of Python: b'IHDR'"]
    """
    found = ((name, re.search(pattern, text)) for name, pattern in _INTERNALS.items())
    return [f"{name}: {match[0]}" for name, match in found if match]
