"""Flags that people know from other tools, rewritten before the command line is parsed.

--format webp  →  --to webp             --width 800 --height 600  →  --resize 800x600
--overwrite    →  --on-exists overwrite             -r            →  nothing: folders are read recursively
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from itertools import pairwise

from imgpar.core import synonyms
from imgpar.core.error_messages import bad_value
from imgpar.core.errors import UsageError

_SIZE = re.compile(r"\d+")
SIDES = ("width", "height")
"""Flags that become --resize."""
_RECURSIVE = ("-r", "-R", "--recursive")
_OVERWRITE = ("--overwrite", "--yes")


def rewritten(args: Sequence[str], flags: Collection[str]) -> list[str]:
    """The arguments with the flags of the command in place of their aliases.

    Args:
        args: without what follows `--`.
        flags: those that the command has.

    Raises:
        UsageError: --width or --height has no number of pixels.

    >>> rewritten(["a", "-f", "webp", "--width=800", "--gray"], ["--to", "--resize", "--grey"])
    ['a', '--to', 'webp', '--resize', '800x', '--grey']
    """
    _check_density(args)
    result: list[str] = []
    sides: dict[str, str] = {}
    at = 0
    rest = iter(args)
    for arg in rest:
        name, equals, value = arg.partition("=")
        if name in flags or not arg.startswith("-"):
            result.append(arg)
        elif name.removeprefix("--") in SIDES and "--resize" in flags:
            if name in sides:
                raise UsageError(f"{name} is given twice.", fix="Leave out one.")
            at = at if sides else len(result)
            sides[name] = _pixels(name, value if equals else next(rest, ""))
        elif arg in _RECURSIVE and "--include" in flags:
            continue
        elif arg in _OVERWRITE and "--on-exists" in flags:
            result += ["--on-exists", "overwrite"]
        elif arg.startswith("-f") and "--to" in flags:
            result += ["--to", *filter(None, [arg[2:].removeprefix("=")])]
        else:
            result.append(_flag(name, flags) + equals + value)
    if sides:
        result[at:at] = ["--resize", "x".join(sides.get(f"--{side}", "") for side in SIDES)]
    return result


def _check_density(args: Sequence[str]) -> None:
    """Refuse `-r 80`, which is a density elsewhere: the number would be taken for an input."""
    for flag, word in pairwise(args):
        if flag == "-r" and re.fullmatch(r"\d+(\.\d+)?", word) and not os.path.lexists(word):
            raise UsageError(
                f"-r takes no value, and there is no file {word!r}.",
                fix=f"--dpi {word} writes a density, --density {word} is that at which PDF is rendered.",
            )


def _flag(word: str, flags: Collection[str]) -> str:
    known = [flag.removeprefix("--").replace("-", "_") for flag in flags]
    found = synonyms.alias(word.removeprefix("--").replace("-", "_"), known)
    return "--" + found.replace("_", "-") if found else word


def _pixels(flag: str, value: str) -> str:
    if not _SIZE.fullmatch(value):
        raise bad_value(flag, "a number of pixels", value)
    return value
