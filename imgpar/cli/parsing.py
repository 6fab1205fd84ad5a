"""What all commands share: a parser that answers every mistake with one sentence."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from imgpar import values
from imgpar.errors import UsageError, closest


class Parser(argparse.ArgumentParser):
    """argparse, with options and inputs in any order, no abbreviations, and `UsageError` for mistakes.

    Positional arguments are not declared: `parse` hands them over as they come.
    """

    def __init__(self, command: str, usage: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=f"imgpar {command}",
            usage=f"imgpar {command} {usage}",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=_Help,
        )

    def error(self, message: str) -> NoReturn:
        """Raise argparse's complaint as ours."""
        message = re.sub(r"ignored explicit argument (.*)", r"it takes no value, but \1 was given", message)
        message = re.sub(r"^argument (\S+): ", r"\1: ", message).rstrip(".")
        raise UsageError(f"{message}.", fix=f"See {self.prog} --help.")

    def parse(self, argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """The options and, in their order, everything that is none; after `--` nothing is an option."""
        # -0 cannot be declared: argparse would then take every negative number for an option.
        args = ["--null" if arg == "-0" else arg for arg in argv]
        end = args.index("--") if "--" in args else len(args)
        found, rest = self.parse_known_args(args[:end])
        for arg in rest:
            if arg.startswith("-") and arg != "-":
                raise self._unknown(arg.partition("=")[0])
        return found, rest + list(argv[end + 1 :])

    def _unknown(self, flag: str) -> UsageError:
        near = closest(flag, self._option_string_actions)
        known = f"Did you mean {near}?" if near else f"See {self.prog} --help."
        if not flag.startswith("--"):
            known += " Names that begin with a dash come after '--'."
        return UsageError(f"There is no option {flag}.", fix=known)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help in a narrow first column and at most 100 columns."""

    def __init__(self, prog: str, **options: Any) -> None:
        import shutil

        width = min(shutil.get_terminal_size().columns - 2, 100)
        super().__init__(prog, max_help_position=28, **{**options, "width": width})

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """`-j, --jobs N` instead of `-j N, --jobs N`."""
        names = ", ".join(action.option_strings)
        return names if action.nargs == 0 else f"{names} {action.metavar or action.dest.upper()}"


class Store(argparse.Action):
    """Store what one of our parsers makes of the text; the parser's error names the flag."""

    def __init__(self, *args: Any, parse: values.Parser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parse = parse

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        value: Any,
        option_string: str | None = None,
    ) -> None:
        """Called by argparse for each use of the flag."""
        setattr(namespace, self.dest, values.named(option_string or self.dest, self.parse, value))


def table(rows: Iterable[Sequence[str]], *, indent: str = "", gap: int = 2) -> str:
    """Rows with their columns aligned; the last column is left as it is.

    >>> print(table([("a", "one"), ("bcd", "two")]))
    a    one
    bcd  two
    """
    lines = [tuple(row) for row in rows]
    if not lines:
        return ""
    widths = [max(len(row[i]) for row in lines) for i in range(len(lines[0]))]
    padded = ([cell.ljust(width + gap) for cell, width in zip(row, widths, strict=True)] for row in lines)
    return "\n".join((indent + "".join(row)).rstrip() for row in padded)
