"""The argument parser shared by all commands: every error is one sentence."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise, takewhile
from typing import Any, NoReturn

from imgpar.cli import aliases
from imgpar.core import parsing, synonyms
from imgpar.core.error_messages import suggested
from imgpar.core.errors import UsageError
from imgpar.formats.registry import format_of_suffix

_NUMBER = re.compile(r"\d+(\.\d+)?")
_NEGATIVE = re.compile(r"-\.?\d")
_LISTS: dict[str, Callable[[str], bool]] = {
    "--to": lambda word: format_of_suffix(f"a.{word}") is not None,
    "--sizes": lambda word: _NUMBER.fullmatch(word) is not None,
}
"""Flags of lists, and whether a word can be an item of such a list."""


class Parser(argparse.ArgumentParser):
    """argparse with options and inputs in any order, without abbreviations, and `UsageError` for errors.

    Positional arguments are not declared: `parse` returns them in order.

    Args:
        command: name of the command.
        usage: the line behind it.
        description: what it does, with examples.
        epilog: the end of the help.
        usual: flags that `-h` shows; without any, it shows all like `--help`.
    """

    def __init__(
        self, command: str, usage: str, description: str, epilog: str = "", *, usual: Sequence[str] = ()
    ) -> None:
        super().__init__(
            prog=f"imgpar {command}",
            usage=f"imgpar {command} {usage}",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=_Help,
            add_help=False,
        )
        self._usual = tuple(usual)
        self.add_unknown: Callable[[Sequence[str]], None] | None = None
        """Adds the flags of operations of other packages, of which these are named."""
        if usual:
            self.add_argument("-h", action=_ShortHelp, nargs=0, help="show the usual options")
            self.add_argument("--help", action="help", help="show all options")
        else:
            self.add_argument("-h", "--help", action="help", help="show this help message and exit")

    def flags(self) -> Mapping[str, argparse.Action]:
        """Every flag, in all its spellings, in the order of the declarations."""
        return self._option_string_actions

    def short_help(self) -> str:
        """The description and the usual options."""
        every = {name: action for action in self._actions for name in action.option_strings}
        count = sum(
            bool(action.option_strings) and action.help != argparse.SUPPRESS for action in self._actions
        )
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, [], [])
        formatter.add_text(self.description)
        formatter.start_section("usual options")
        formatter.add_arguments([every[name] for name in self._usual])
        formatter.end_section()
        formatter.add_text(f"'{self.prog} --help' shows all {count} options.")
        return formatter.format_help()

    def error(self, message: str) -> NoReturn:
        """Raise an argparse error as UsageError."""
        if found := re.fullmatch(r"argument (-\w)\S*: ignored explicit argument '(=?[\d.]+)'", message):
            flag, value = found.groups()
            raise UsageError(f"{flag} takes no value.", fix=self._instead(flag, value))
        message = re.sub(r"ignored explicit argument (.*)", r"it takes no value, but \1 was given", message)
        message = re.sub(r"^argument (\S+): expected one argument$", r"\1 needs a value", message)
        message = re.sub(r"^argument (\S+): ", r"\1: ", message).rstrip(".")
        raise UsageError(f"{message}.", fix=f"See {self.prog} --help.")

    def parse(self, argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """The options, and all other arguments in order; after `--` nothing is an option."""
        self._add_unknown(argv)
        # -0 cannot be declared: argparse would then take every negative number for an option.
        args = _with_dashes(["--null" if arg == "-0" else arg for arg in argv], self._option_string_actions)
        end = args.index("--") if "--" in args else len(args)
        args[:end] = aliases.rewritten(args[:end], self._option_string_actions)
        end = args.index("--") if "--" in args else len(args)
        self._check_words(args[:end])
        found, rest = self.parse_known_args(args[:end])
        for arg in rest:
            if arg.startswith("-") and arg != "-":
                raise self._unknown(arg.partition("=")[0])
        return found, rest + args[end + 1 :]

    def _add_unknown(self, argv: Sequence[str]) -> None:
        """Have the flags added that another package may have; for `--help` all."""
        if self.add_unknown is None:
            return
        named = [word.partition("=")[0] for word in takewhile("--".__ne__, argv) if word.startswith("--")]
        if unknown := [flag for flag in named if flag not in self._option_string_actions]:
            self.add_unknown([flag[2:].replace("-", "_") for flag in unknown])
        if "--help" in named:
            self.add_unknown(())

    def _check_words(self, args: Sequence[str]) -> None:
        """Reject arguments that argparse would misread: `-out web` as `-o ut` and an input, `-q 80` as
        `--quiet` and an input."""
        flags = self._option_string_actions
        for arg in args:
            if len(arg) > 2 and arg[0] == "-" != arg[1] and f"-{arg.partition('=')[0]}" in flags:
                raise self._unknown(arg.partition("=")[0])
        self._check_lists(args)
        for arg, word in pairwise(args):
            alone = arg in flags and flags[arg].nargs == 0
            if alone and _NUMBER.fullmatch(word) and not os.path.lexists(word):
                raise UsageError(
                    f"{arg} takes no value, and there is no file {word!r}.", fix=self._instead(arg, word)
                )

    def _check_lists(self, args: Sequence[str]) -> None:
        """Reject `--to webp avif` and `--sizes 640 320`, whose last word would be taken for an input."""
        for at, flag in enumerate(args):
            name, equals, value = flag.partition("=")
            if name not in _LISTS or name not in self._option_string_actions:
                continue
            begin = at + 1 if equals else at + 2
            words = list(takewhile(_LISTS[name], args[begin:]))
            if words and not os.path.lexists(words[0]):
                given = [value] if equals else list(args[at + 1 : begin])
                joined = ",".join(word.strip(",") for word in [*given, *words])
                raise UsageError(
                    f"{name} takes one value, and there is no file {words[0]!r}.",
                    fix=f"Write {name} {joined}.",
                )

    def _instead(self, flag: str, value: str) -> str:
        """The suggestion for a flag that was given a value but takes none."""
        if flag in ("-q", "--quiet") and "--quality" in self._option_string_actions:
            return f"For the quality write --quality {value.lstrip('=')}."
        return f"Leave {value} out, or see {self.prog} --help."

    def _unknown(self, flag: str) -> UsageError:
        from imgpar.batch.gather.options import Gathering
        from imgpar.batch.run_options import RunOptions
        from imgpar.batch.settings import RECIPE_KEYS
        from imgpar.ops import operation_names, operation_types

        name = flag.lstrip("-").replace("-", "_")
        if (
            flag.startswith("--")
            and name in RunOptions.options().keys() | RECIPE_KEYS | operation_types().keys()
        ):
            return UsageError(f"{self.prog} does not accept {flag}.", fix=f"See {self.prog} --help.")
        if flag.startswith("--") and (option := Gathering.options().get(name)):
            command = min(option.calls)
            return UsageError(f"{self.prog} does not accept {flag}.", fix=f"imgpar {command} does.")
        if said := synonyms.sentence(name):
            return UsageError(f"There is no option {flag}.", fix=said)
        flags = [one.removeprefix("--").replace("-", "_") for one in self._option_string_actions]
        near = suggested(
            name, [*flags, *aliases.SIDES, *(operation_names() if self.add_unknown else ())]
        ).replace("_", "-")
        known = f"Did you mean --{near}?" if near else f"See {self.prog} --help."
        if not flag.startswith("--"):
            known += " Names that begin with a dash come after '--'."
        return UsageError(f"There is no option {flag}.", fix=known)


def parse_named(
    make: Callable[[Collection[str] | None], Parser], argv: Sequence[str]
) -> tuple[argparse.Namespace, list[str]]:
    """`Parser.parse` with a parser that has only the operations which are named in the arguments, so that no
    other is imported. Where there is an alias, an error or a request for help, with one that has all.

    Args:
        make: makes the parser with operations of these names; with None it has all.
        argv: the arguments.
    """
    words = [word.partition("=")[0] for word in takewhile("--".__ne__, argv) if word.startswith("-")]
    parser = make([word[2:].replace("-", "_") for word in words])
    if "--help" not in words and all(
        word in parser.flags() if word.startswith("--") else "h" not in word for word in words
    ):
        with contextlib.suppress(UsageError):
            return parser.parse(argv)
    return make(None).parse(argv)


def _with_dashes(args: Sequence[str], known: Mapping[str, argparse.Action]) -> list[str]:
    """`--suffix -small` and `--shift-dates -1d` with `=`: argparse would take the value for a flag."""
    found = list[str]()
    for at, arg in enumerate(args):
        if arg == "--":
            return found + list(args[at:])
        flag = found[-1] if found else ""
        takes = flag.startswith("--") and flag in known and known[flag].nargs != 0
        value = arg.startswith("-") and arg.partition("=")[0] not in known
        if takes and value and (flag in ("--prefix", "--suffix", "--sort") or _NEGATIVE.match(arg)):
            found[-1] += f"={arg}"
        else:
            found.append(arg)
    return found


class _ShortHelp(argparse.Action):
    """Print the usual options and end."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Called by argparse."""
        assert isinstance(parser, Parser)
        print(parser.short_help(), end="")
        parser.exit()


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help with a narrow first column, at most 100 columns wide."""

    def __init__(self, prog: str, **options: Any) -> None:
        import shutil

        width = min(shutil.get_terminal_size().columns - 2, 100)
        super().__init__(prog, max_help_position=28, **{**options, "width": width})

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """`-j, --jobs N` instead of `-j N, --jobs N`."""
        names = ", ".join(action.option_strings)
        return names if action.nargs == 0 else f"{names} {action.metavar or action.dest.upper()}"


Known = Sequence[str] | Callable[[], Sequence[str]]


class FlagAction(argparse.Action):
    """What a flag does each time it is used.

    Args:
        args: as argparse passes them.
        known: values that completion offers, or a function that returns them.
        several: whether the value may be a list of them, separated by commas.
        about: help for completion and man pages where `--help` leaves the flag out.
        kwargs: as argparse passes them.
    """

    def __init__(
        self, *args: Any, known: Known = (), several: bool = False, about: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._known, self.several, self.about = known, several, about

    def known(self) -> Sequence[str]:
        """Values that the flag takes, as far as they can be listed."""
        return self._known() if callable(self._known) else self._known

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        value: Any,
        option_string: str | None = None,
    ) -> None:
        """Called by argparse for each use of the flag."""
        self.use(namespace, option_string or self.dest, value)

    def use(self, namespace: argparse.Namespace, label: str, value: Any) -> None:
        """Store the value; `label` is the flag as it was written."""
        raise NotImplementedError


class Store(FlagAction):
    """Store the value parsed by one of imgpar's parsers; errors name the flag."""

    def __init__(self, *args: Any, parse: parsing.Parser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parse = parse

    def use(self, namespace: argparse.Namespace, label: str, value: Any) -> None:
        setattr(namespace, self.dest, parsing.named(label, self.parse, value))


class Once(FlagAction):
    """Store a name; a second, different value is an error."""

    def use(self, namespace: argparse.Namespace, label: str, value: Any) -> None:
        before = getattr(namespace, self.dest)
        if before not in (None, value):
            raise UsageError(f"{label} is given twice, {before!r} and {value!r}.", fix="Leave out one.")
        setattr(namespace, self.dest, value)


class Append(Store):
    """Append the parsed values to those of earlier uses."""

    def use(self, namespace: argparse.Namespace, label: str, value: Any) -> None:
        parsed = parsing.named(label, self.parse, value)
        setattr(namespace, self.dest, (*getattr(namespace, self.dest), *parsed))


def align_columns(rows: Iterable[Sequence[str]], *, indent: str = "", gap: int = 2) -> str:
    """Rows with aligned columns; the last column is not padded.

    >>> print(align_columns([("a", "one"), ("bcd", "two")]))
    a    one
    bcd  two
    """
    lines = [tuple(row) for row in rows]
    if not lines:
        return ""
    widths = [max(len(row[i]) for row in lines) for i in range(len(lines[0]))]
    padded = ([cell.ljust(width + gap) for cell, width in zip(row, widths, strict=True)] for row in lines)
    return "\n".join((indent + "".join(row)).rstrip() for row in padded)
