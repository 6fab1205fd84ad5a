"""Pages of the documentation as text for a terminal."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import groupby

_HEADING = re.compile(r"(#+) (.+)")
_ITEM = re.compile(r"( *)([-*]|\d+\.) +(.*)")
_CELL = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"!?\[((?:`[^`]*`|[^\]`])*)\]\(([^)]*)\)")
_MARKED = re.compile(r"`([^`]+)`|\*\*((?:`[^`]*`|[^`])+?)\*\*")
"""Code, in which no other mark counts, and bold text."""
_WIDEST = 100
_NARROW = 34
"""Columns that a table gives to each cell but the last."""


def page_text(name: str, sections: Iterable[str] = ()) -> str:
    """The Markdown of a page of docs/, or of some of its sections.

    Raises:
        FileNotFoundError: there is no such page.
    """
    text = (_folder() / f"{name}.md").read_text("utf-8")
    if not sections:
        return text
    return "\n".join(_section(text, title) for title in sections)


def _folder() -> Traversable:
    """The folder of the pages: in the package where it is installed, else in its repository."""
    inside = resources.files("imgpar.cli") / "docs"
    return inside if inside.is_dir() else resources.files("imgpar") / ".." / "docs"


def _section(text: str, title: str) -> str:
    """A section with those below it."""
    found = list[str]()
    level, fenced = 0, False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        heading = None if fenced else _HEADING.fullmatch(line)
        if heading and level and len(heading[1]) <= level:
            break
        if heading and heading[2] == title:
            level = len(heading[1])
        if level:
            found.append(line)
    if not found:
        raise LookupError(f"There is no section {title!r}.")
    return "\n".join(found) + "\n"


def as_plain_text(markdown: str, width: int = 80) -> str:
    """Markdown as text: paragraphs, lists and tables filled, code indented, links by their words.

    >>> print(as_plain_text("# Names\\n\\nOf `--name`\\nand `--to`.\\n\\n```sh\\nimgpar ops\\n```"))
    NAMES
    <BLANKLINE>
      Of --name and --to.
    <BLANKLINE>
          imgpar ops
    """
    width = min(width, _WIDEST)
    lines = iter(markdown.splitlines())
    blocks = list[str]()
    for kind, group in groupby(_classified(lines), key=lambda one: one[0]):
        block = [line for _, line in group]
        if kind == "code":
            blocks.append(textwrap.indent("\n".join(block), "      "))
        elif kind == "table":
            blocks.append(textwrap.indent(_table(block, width - 2), "  "))
        elif kind.startswith("heading"):
            title = _plain(block[0])
            blocks.append(title.upper() if kind == "heading1" else title)
        elif kind.startswith("text"):
            blocks.append(_filled(block, width))
    return "\n\n".join(blocks)


def _classified(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Each line with the kind of its block; the number tells apart what follows each other."""
    number = 0
    for line in lines:
        if line.startswith("```"):
            yield from (("code", code) for code in iter(lambda: next(lines, "```"), "```"))
            number += 1
            yield f"gap{number}", ""
        elif heading := _HEADING.fullmatch(line):
            number += 1
            yield f"heading{1 if len(heading[1]) == 1 else f'2-{number}'}", heading[2]
        elif line.startswith("|"):
            yield "table", line
        elif not line.strip() or line.startswith("!["):
            number += 1
            yield f"gap{number}", ""
        else:
            yield f"text{number}", line


def _filled(block: Sequence[str], width: int) -> str:
    """A paragraph, or the items of a list."""
    items = list[list[str]]()
    for line in block:
        if not items or _ITEM.match(line):
            items.append([line])
        else:
            items[-1].append(line.strip())
    return "\n".join(_item(_plain(" ".join(item)), width) for item in items)


def _item(text: str, width: int) -> str:
    found = _ITEM.fullmatch(text)
    first, rest = (f"  {found[1]}{found[2]} ", found[3]) if found else ("  ", text.strip())
    return textwrap.fill(
        rest, width, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _table(lines: Sequence[str], width: int) -> str:
    """The rows with aligned columns; cells are filled."""
    rows = [[_plain(cell.strip()) for cell in _CELL.split(line.strip())[1:-1]] for line in lines]
    rows = [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    count = max(map(len, rows))
    rows = [row + [""] * (count - len(row)) for row in rows if any(row)]
    widths = _widths(rows, width - 2 * (count - 1))
    shown = list[str]()
    for row in rows:
        cells = [
            textwrap.wrap(cell, size, break_long_words=False, break_on_hyphens=False) or [""]
            for cell, size in zip(row, widths, strict=True)
        ]
        for at in range(max(map(len, cells))):
            parts = [
                (cell[at] if at < len(cell) else "").ljust(size)
                for cell, size in zip(cells, widths, strict=True)
            ]
            shown.append("  ".join(parts).rstrip())
    return "\n".join(shown).rstrip()


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The widths of columns: what they need where that is there, the widest ones less."""
    needs = [max(1, *map(len, column)) for column in zip(*rows, strict=True)]
    if sum(needs) <= width:
        return needs
    fair = max(width // len(needs), 12)
    small = [min(need, _NARROW if at + 1 < len(needs) else need) for at, need in enumerate(needs)]
    kept = [need if need <= fair else 0 for need in small]
    left = max(width - sum(kept), 12)
    wide = [need for need in small if need > fair]
    return [need or max(left * small[at] // sum(wide), 12) for at, need in enumerate(kept)]


def _plain(text: str) -> str:
    """Text without marks; a link to a page that has a topic names it."""
    text = _LINK.sub(lambda found: _words_of(found[1], found[2]), text)
    return _MARKED.sub(lambda found: found[1] or _plain(found[2] or ""), text).replace("\\|", "|")


def _words_of(words: str, target: str) -> str:
    """The words of a link, and the topic or address that it leads to."""
    from imgpar.cli.topics import topic_at

    if ":" in target:
        return f"{words} ({target})"
    page, _, anchor = target.rpartition("/")[2].partition("#")
    topic = topic_at(page.removesuffix(".md"), anchor)
    return f"{words} (imgpar help {topic})" if topic else words


def terminal_width() -> int:
    """Columns to fill."""
    import shutil

    return max(shutil.get_terminal_size().columns - 2, 40)


def is_long(text: str) -> bool:
    """Whether a text is longer than the terminal."""
    return text.count("\n") + 2 > os.get_terminal_size().lines
