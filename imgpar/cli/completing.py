"""What may be completed at the end of a command line, from the declarations of commands and flags.

The shells ask at each press of the key (`completion`), so a new flag, also that of another package, needs no
new script.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from imgpar.cli.commands import COMMANDS, SHELLS
from imgpar.cli.parsing import FlagAction, Parser
from imgpar.cli.topics import TOPICS
from imgpar.core.errors import UsageError

_FILES = re.compile(r"FILE|OUT|TRACK|PROFILE")
_FOLDERS = re.compile(r"DIR(?!E)|FOLDER")
_NO_INPUTS = frozenset(("formats", "ops", "stubs", "doctor", "completion", "help", "run"))
"""Commands whose arguments are no paths."""


class Candidates(NamedTuple):
    """What the last word of a command line may become."""

    words: list[tuple[str, str]] = []  # noqa: RUF012
    """Each with its help, which may be empty."""
    paths: str = "none"
    """What the shell adds: files, folders or none."""


def candidates_for(words: Sequence[str]) -> Candidates:
    """The candidates for the last of the words behind `imgpar`, which may be empty.

    >>> candidates_for(["conv"])
    Candidates(words=[('convert', 'resize, convert, strip and watermark files and folders')], paths='none')
    >>> candidates_for(["convert", "a.jpg", "--to", "png,av"])
    Candidates(words=[('png,avif', ''), ('png,avi', '')], paths='none')
    """
    *before, word = words or [""]
    if not before:
        every = [(name, text) for name, (_, text) in COMMANDS.items()]
        return _matching(word, [*every, ("--help", "print the commands"), ("--version", "print the version")])
    if before[0] not in COMMANDS:
        return Candidates(paths="files")
    parser = parser_of(before[0])
    known = parser.flags()
    if word.startswith("--") or any(arg.startswith("--") and arg not in known for arg in before):
        if parser.add_unknown:
            parser.add_unknown(())  # those of other packages
        known = parser.flags()
    return _of_command(before[0], known, before[1:], word)


def parser_of(command: str) -> Parser:
    """The parser of a command."""
    module = importlib.import_module(COMMANDS[command][0])
    parser: Parser = getattr(module, f"{command}_parser")()
    return parser


def _of_command(
    command: str, known: Mapping[str, argparse.Action], before: Sequence[str], word: str
) -> Candidates:
    if "--" in before:
        return _inputs(command, before, word)
    if (flag := _open_flag(known, before)) is not None:
        return _values(flag, word)
    name, equals, value = word.partition("=")
    if equals and (flag := known.get(name)) and name.startswith("--") and flag.nargs != 0:
        return _values(flag, value)
    if word.startswith("-"):
        return _matching(word, _flags(known, before))
    return _inputs(command, before, word)


def _open_flag(known: Mapping[str, argparse.Action], words: Iterable[str]) -> argparse.Action | None:
    """The flag at the end of the words whose value is to come; a value may look like a flag."""
    waiting: argparse.Action | None = None
    for word in words:
        flag = None if waiting else known.get(word)
        waiting = flag if flag is not None and flag.nargs != 0 else None
    return waiting


def _flags(known: Mapping[str, argparse.Action], before: Iterable[str]) -> Iterator[tuple[str, str]]:
    """All flags; those that modify an operation only behind it."""
    from imgpar.cli.flags import modifiers

    given, owners = {word.partition("=")[0] for word in before}, modifiers()
    for name, action in known.items():
        about = help_of(action)
        modifies = action.help == argparse.SUPPRESS
        if modifies and not any(f"--{owner.replace('_', '-')}" in given for owner in owners[action.dest]):
            continue
        yield name, about


def help_of(action: argparse.Action) -> str:
    """The help of a flag as one line."""
    text = action.help if action.help not in (None, argparse.SUPPRESS) else getattr(action, "about", "")
    return " ".join((text or "").replace("%%", "%").split())


def _values(flag: argparse.Action, word: str) -> Candidates:
    listed, metavar = [], str(flag.metavar or "")
    if isinstance(flag, FlagAction):
        first, comma, _ = word.rpartition(",") if flag.several else ("", "", "")
        used = first.split(",")
        listed = [(f"{first}{comma}{name}", "") for name in flag.known() if name not in used]
    if _FOLDERS.search(metavar):
        return Candidates(paths="folders")
    return _matching(word, listed, "files" if _FILES.search(metavar) else "none")


def _inputs(command: str, before: Sequence[str], word: str) -> Candidates:
    """What a command takes besides flags."""
    words = _WORDS[command]() if command in _WORDS and not (before and command in _ONE) else ()
    return _matching(word, [(name, "") for name in words], "none" if command in _NO_INPUTS else "files")


def _operations() -> Iterable[str]:
    from imgpar.ops import operation_names

    return operation_names()


def _tasks() -> Iterable[str]:
    """The tasks of the project in this folder."""
    import os

    from imgpar.cli.project import find_project, read_tasks

    try:
        return [task.name for task in read_tasks(find_project(os.getcwd())) if task.name]
    except (UsageError, OSError):
        return ()


_WORDS: dict[str, Callable[[], Iterable[str]]] = {
    "ops": _operations,
    "run": _tasks,
    "help": lambda: [*COMMANDS, *TOPICS],
    "completion": lambda: SHELLS,
    "desktop": lambda: ("install", "remove"),
}
"""Command → words that it takes."""
_ONE = frozenset(("completion", "desktop"))
"""Commands that take one of these."""


def _matching(word: str, every: Iterable[tuple[str, str]], paths: str = "none") -> Candidates:
    return Candidates([one for one in every if one[0].startswith(word)], paths)


def joined_again(words: Iterable[str]) -> list[str]:
    """Words as they were written, from those of bash, which splits at = and at colons.

    >>> joined_again(["convert", "--to", "=", "we"]), joined_again(["--to", "="])
    (['convert', '--to=we'], ['--to='])
    """
    found: list[str] = []
    glued = False
    for word in words:
        separator = bool(word) and not word.strip("=:")
        if found and (glued or separator):
            found[-1] += word
        else:
            found.append(word)
        glued = separator
    return found


def reply_lines(shell: str, words: Sequence[str]) -> Iterator[str]:
    """The lines that a script of `completion` reads: what it adds, then a candidate each, with its help.

    >>> list(reply_lines("bash", ["ops", "blu"])), list(reply_lines("fish", ["convert", "--on-exists=s"]))
    (['none', 'blur'], ['none', '--on-exists=skip'])
    """
    given = joined_again(words) if shell == "bash" else [*words]
    if shell == "powershell" and given:
        given[-1] = given[-1].removeprefix("=")
    found = candidates_for(given)
    name, equals, _ = given[-1].partition("=") if given else ("", "", "")
    whole = shell in ("fish", "powershell") and equals and name.startswith("--")
    yield found.paths
    for word, text in found.words:
        yield f"{name}={word}" if whole else f"{word}\t{text}" if text else word
