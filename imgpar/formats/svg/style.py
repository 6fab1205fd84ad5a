"""Style rules of an SVG, rewritten for resvg."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|([g-zG-Z]))")
_VARIABLE = re.compile(r"var\(\s{0,9}(--[\w-]{1,100})\s{0,9}(?:,([^()]{0,200}))?\)")
_DEFINED = re.compile(r"(--[\w-]{1,100})\s{0,9}:([^;{}\"'<>]{1,200})")


def without_escapes(style: str) -> str:
    r"""Style rules with escaped letters decoded.

    >>> without_escapes(r"\75rl(a)")
    'url(a)'
    """
    return _ESCAPE.sub(_letter, style) if "\\" in style else style


def variables(text: str) -> dict[str, str]:
    """The variables of style sheets; of several values, which depend on the scope, the first."""
    found: dict[str, str] = {}
    for match in _DEFINED.finditer(text) if "var(" in text else ():
        if "var(" not in match[2]:
            found.setdefault(match[1], match[2].strip())
    return found


def with_values(style: str, known: Mapping[str, str]) -> str:
    """Style rules with `var(--name, fallback)` resolved.

    >>> with_values("fill:var(--c, red)", {})
    'fill:red'
    """
    if "var(" not in style:
        return style
    return _VARIABLE.sub(lambda match: known.get(match[1], (match[2] or "").strip()), style)


def _letter(match: re.Match[str]) -> str:
    """The letter of an escape in a style sheet."""
    code = int(match[1], 16) if match[1] else ord(match[2])
    letter = chr(code) if code < 128 else ""
    return letter if letter.isalpha() else match[0]
