"""Writes the man pages docs/man/*.1 from the declarations of commands and flags.

python scripts/make_man.py           write them
python scripts/make_man.py --check   write nothing; fail where they are stale
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from imgpar.cli.commands import COMMANDS, HELP  # noqa: E402
from imgpar.cli.completing import help_of, parser_of  # noqa: E402
from imgpar.cli.flags import flag, modifiers  # noqa: E402
from imgpar.cli.pages import page_text  # noqa: E402
from imgpar.cli.parsing import Parser  # noqa: E402
from imgpar.cli.topics import TOPICS  # noqa: E402
from imgpar.core.version import __version__  # noqa: E402

FOLDER = ROOT / "docs" / "man"
_SPECIAL = {"\\": "\\e", "-": "\\-", "^": "\\(ha", "~": "\\(ti", "`": "\\(ga", "'": "\\(aq"}


def roff(text: str) -> str:
    """A text in which nothing is taken for a request or an escape.

    >>> roff(".a -b")
    '\\\\&.a \\\\-b'
    """
    shown = "".join(_SPECIAL.get(character, character) for character in text)
    return f"\\&{shown}" if shown.startswith((".", "\\(aq")) else shown


def bold(text: str) -> str:
    """The text in bold."""
    return f"\\fB{roff(text)}\\fR"


def italic(text: str) -> str:
    """The text in italics."""
    return f"\\fI{roff(text)}\\fR"


def head(name: str, summary: str) -> list[str]:
    """The beginning of a page."""
    return [
        '.\\" Written by scripts/make_man.py: change the declarations, not this file.',
        f'.TH "{roff(name.upper())}" 1 "" "imgpar {__version__}" "imgpar manual"',
        ".SH NAME",
        f"{roff(name)} \\- {roff(summary)}",
        ".SH SYNOPSIS",
    ]


def page_of_command(command: str) -> str:
    """The page of a command."""
    parser = parser_of(command)
    usage = " ".join(str(parser.usage).removeprefix(f"imgpar {command}").split())
    lines = [*head(f"imgpar-{command}", COMMANDS[command][1]), f"{bold(f'imgpar {command}')} {roff(usage)}"]
    lines += [".SH DESCRIPTION", *text(parser.description or "")]
    lines += [".SH OPTIONS", *options(parser)]
    if parser.epilog:
        lines += [".SH NOTES", *text(parser.epilog)]
    lines += [".SH EXIT STATUS", "See", ".BR imgpar (1)."]
    return finished(lines, ["imgpar"])


def options(parser: Parser) -> Iterator[str]:
    """The options by groups; those that modify an operation have a group of their own."""
    hidden = list[argparse.Action]()
    for group in parser._action_groups:
        shown = [action for action in group._group_actions if action.help != argparse.SUPPRESS]
        hidden += [action for action in group._group_actions if action.help == argparse.SUPPRESS]
        if shown:
            title = (group.title or "options").removesuffix(":")
            yield from [] if title == "options" else [f'.SS "{roff(title)}"']
            for action in shown:
                yield from entry(action, help_of(action))
    if hidden:
        yield '.SS "modifiers, behind their operation"'
        for action in hidden:
            owners = ", ".join(map(flag, modifiers()[action.dest]))
            yield from entry(action, f"{help_of(action)} (of {owners})")


def entry(action: argparse.Action, about: str) -> Iterator[str]:
    """A flag and what it does."""
    names = ", ".join(map(bold, action.option_strings))
    value = "" if action.nargs == 0 else f" {italic(str(action.metavar or action.dest.upper()))}"
    yield ".TP"
    yield names + value
    yield roff(about)


def text(words: str) -> Iterator[str]:
    """Paragraphs, and indented lines as they are."""
    for block in re.split(r"\n\s*\n", words.strip("\n")):
        if block.startswith("  "):
            yield from (
                ".PP",
                ".RS 2",
                ".EX",
                *(roff(line.strip()) for line in block.splitlines()),
                ".EE",
                ".RE",
            )
        else:
            yield from (".PP", *(roff(line) for line in block.splitlines()))


def main_page() -> str:
    """imgpar(1)."""
    description, _, _ = HELP.partition("Commands:")
    usage, _, rest = description.partition("\n\n")
    lines = [*head("imgpar", "resize and convert folders of pictures and clips on all cores")]
    lines += [
        f"{bold('imgpar')} {roff(usage.removeprefix('Usage: imgpar '))}",
        ".SH DESCRIPTION",
        *text(rest),
    ]
    lines += [".SH COMMANDS"]
    for name, (_, summary) in COMMANDS.items():
        lines += [".TP", f".BR imgpar\\-{name} (1)", roff(summary)]
    lines += [".SH TOPICS", *text("'imgpar help TOPIC' prints the page of a topic:")]
    for name, topic in TOPICS.items():
        lines += [".TP", bold(name), roff(topic.summary)]
    lines += [".SH EXIT STATUS"]
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", page_text("errors", ["Exit codes"]), re.MULTILINE)
    for code, meaning in rows:
        lines += [".TP", bold(code), roff(meaning)]
    return finished(lines, [f"imgpar-{name}" for name in COMMANDS])


def finished(lines: Iterable[str], others: Iterable[str]) -> str:
    """The page with what to see besides."""
    names = [f".BR {roff(name)} (1)" for name in others]
    return "\n".join([*lines, ".SH SEE ALSO", *(f"{name}," for name in names[:-1]), names[-1]]) + "\n"


def files() -> dict[Path, str]:
    """Path → content of every page."""
    pages = {FOLDER / f"imgpar-{name}.1": page_of_command(name) for name in COMMANDS}
    return {FOLDER / "imgpar.1": main_page(), **pages}


def stale() -> list[str]:
    """The pages that are not as the declarations say, and those of commands that are gone."""
    pages = files()
    old = [path for path, page in pages.items() if not path.is_file() or path.read_text("utf-8") != page]
    gone = [path for path in FOLDER.glob("*.1") if path not in pages]
    return [path.relative_to(ROOT).as_posix() for path in [*old, *gone]]


def main(arguments: Iterable[str]) -> int:
    """Write the pages, or check them."""
    found = stale()
    if "--check" in arguments:
        for name in found:
            print(f"{name} is stale: run python scripts/make_man.py", file=sys.stderr)
        return int(bool(found))
    FOLDER.mkdir(exist_ok=True)
    pages = files()
    for path in FOLDER.glob("*.1"):
        if path not in pages:
            path.unlink()
    for path, page in pages.items():
        path.write_text(page, encoding="utf-8", newline="\n")
    print("\n".join(f"written: {name}" for name in found) or "nothing changed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
