"""`imgpar help`: commands, topics and operations."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from imgpar.cli.commands import COMMANDS, commands_text
from imgpar.cli.completing import parser_of
from imgpar.cli.pages import as_plain_text, is_long, page_text, terminal_width
from imgpar.cli.parsing import Parser, align_columns
from imgpar.cli.topics import TOPICS, topic_of_flag, topic_of_word
from imgpar.core.error_messages import closest
from imgpar.core.errors import UsageError

DESCRIPTION = """\
Print the page of a topic, or the help of a command or an operation.

  imgpar help              all commands and topics
  imgpar help names        the page about names of outputs
  imgpar help convert      as imgpar convert --help
  imgpar help resize       as imgpar ops resize"""


def help_parser() -> Parser:
    """The parser of `imgpar help`."""
    return Parser("help", "[TOPIC|COMMAND|OPERATION]...", DESCRIPTION)


def help_command(argv: Sequence[str]) -> int:
    """Print what is asked for."""
    _, words = help_parser().parse(argv)
    _show("\n\n".join(map(text_about, words)) or overview())
    return 0


def overview() -> str:
    """All commands and topics."""
    topics = align_columns([(name, topic.summary) for name, topic in TOPICS.items()], indent="  ")
    return f"{commands_text()}\nTopics ('imgpar help TOPIC' prints the page):\n{topics}"


def text_about(name: str) -> str:
    """The text about a topic, a command or an operation; raises UsageError where there is none."""
    from imgpar.ops import operation_names

    word = name.lower().removeprefix("--").removesuffix(".md")
    dashed, operation = word.replace("_", "-"), word.replace("-", "_")
    parts = list[str]()
    if word in COMMANDS:
        parser = parser_of(word)
        if parser.add_unknown:
            parser.add_unknown(())
        parts.append(parser.format_help().rstrip())
    page = next((topic for topic in TOPICS.values() if topic.page == word and not topic.sections), None)
    if topic := TOPICS.get(dashed) or (page if not parts else None):
        parts.append(as_plain_text(page_text(topic.page, topic.sections), terminal_width()))
    if not parts and operation in operation_names():
        from imgpar.cli.show import operation_text

        parts.append(operation_text(operation))
    if not parts and (owner := topic_of_flag(dashed) or topic_of_word(dashed)):
        return text_about(owner)
    if not parts:
        known = [*TOPICS, *COMMANDS, *(one.replace("_", "-") for one in operation_names())]
        near = closest(dashed, known)
        fix = f"Did you mean 'imgpar help {near}'?" if near else "'imgpar help' lists the topics."
        raise UsageError(f"There is no help about {name!r}.", fix=fix)
    return "\n\n".join(parts)


def _show(text: str) -> None:
    """Print a text; on a terminal that it does not fit by pages."""
    if sys.stdin.isatty() and sys.stdout.isatty() and is_long(text):
        import pydoc

        pydoc.pager(text)
    else:
        print(text)
