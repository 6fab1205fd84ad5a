"""Checks the documents: links resolve, examples compile, commands and flags exist.

    python scripts/check_docs.py

Prints one line per problem and exits with 1; without problems it prints a count and exits with 0.
"""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Set
from functools import cache
from pathlib import Path

from imgpar.cli.project import tasks_of
from imgpar.core.errors import UsageError
from imgpar.recipe.recipe import Recipe

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ADDED = re.compile(r'^    name: ClassVar\[str\] = "(\w+)"$', re.MULTILINE)
FLAG = re.compile(r"(?<![\w-])(--?[A-Za-z][\w-]*)")


def documents() -> list[Path]:
    """All Markdown files of the project."""
    return sorted(
        [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/howto/*.md"), *ROOT.glob("bench/*.md")]
    )


def blocks(document: Path, *languages: str) -> Iterator[tuple[int, str]]:
    """Line number and text of each fenced block in one of these languages."""
    text = document.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        if match[1] in languages:
            yield text.count("\n", 0, match.start()) + 1, match[2]


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub generates from the headings of a document."""
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(text)}


def check_links(document: Path) -> Iterator[str]:
    """Relative links to missing files or headings."""
    for link in LINK.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists():
            yield f"{link} leads nowhere"
        elif anchor and anchor not in anchors(target):
            yield f"{path or document.name} has no heading #{anchor}"


def check_conflicts(document: Path) -> Iterator[str]:
    """Markers that a merge has left."""
    for number, line in enumerate(document.read_text("utf-8").splitlines(), 1):
        if line.startswith(("<<<<<<< ", ">>>>>>> ")):
            yield f"line {number} is a marker of a merge conflict"


def check_python(document: Path) -> Iterator[str]:
    """Python blocks that do not compile, and doctests (`>>>`) with different output."""
    names: dict[str, object] = {}  # the blocks of one page share a namespace
    for line, code in blocks(document, "python"):
        where = f"{document.name}:{line}"
        if ">>>" in code:
            example = doctest.DocTestParser().get_doctest(code, names, where, str(document), line)
            if doctest.DocTestRunner(verbose=False).run(example, clear_globs=False).failed:
                yield f"the session at line {line} prints something else"
            names.update(example.globs)
            continue
        try:
            compile(code, where, "exec")
        except SyntaxError as error:
            yield f"python at line {line} does not compile: {error}"


def check_toml(document: Path) -> Iterator[str]:
    """TOML blocks that are invalid TOML or invalid recipes."""
    for line, text in blocks(document, "toml"):
        try:
            data = tomllib.loads(text)
            if "build-system" in data:
                continue  # the pyproject.toml of a package
            tasks_of(data, "imgpar.toml") if data.keys() & {"inputs", "task"} else Recipe.from_dict(data)
        except (tomllib.TOMLDecodeError, UsageError) as error:
            yield f"toml at line {line}: {error}"


@cache
def help_of(command: str) -> str:
    """The output of `imgpar COMMAND --help`; empty for an unknown command."""
    run = subprocess.run(
        [sys.executable, "-m", "imgpar", command, "--help"], capture_output=True, text=True, check=False
    )
    return run.stdout if run.returncode == 0 else ""


@cache
def known_flags(command: str) -> set[str]:
    """All flags of a command, including those of operations."""
    names = set(FLAG.findall(help_of(command)))
    if command == "convert":
        from imgpar.cli.flags import flag, modifiers

        names |= {flag(name) for name in modifiers()}
    return names | {"--help", "--version", "-h", "-V", "-0"}


def check_commands(document: Path) -> Iterator[str]:
    """Unknown commands, flags and scripts in shell blocks."""
    added = {f"--{name}" for name in ADDED.findall(document.read_text(encoding="utf-8"))}
    for _, text in blocks(document, "sh", "console"):
        for line in text.replace("\\\n", " ").splitlines():
            yield from check_line(line.removeprefix("$ ").partition(" #")[0], added)


def check_line(line: str, added: Set[str] = frozenset()) -> Iterator[str]:
    """Problems in one line of shell; `added` are flags of operations that the page itself declares."""
    for path in re.findall(r"\b(?:scripts|bench|examples|docs)/[\w.-]*\w", line):
        if not (ROOT / path).exists():
            yield f"{path} does not exist"
    for part in re.split(r"&&|\||;", line):
        match = re.match(r"\s*(?:\S*/)?imgpar\s+([a-z]+)\b(.*)", part)
        if not match:
            continue
        command, rest = match[1], re.sub(r"'[^']*'|\"[^\"]*\"", "", match[2])
        if not help_of(command):
            yield f"there is no 'imgpar {command}'"
            continue
        for name in FLAG.findall(rest):
            if name not in known_flags(command) | added:
                yield f"'imgpar {command}' has no {name}"


def check_translation(document: Path) -> Iterator[str]:
    """A README in another language that lacks a heading, a block, a link, a code or a row of README.md."""
    if not re.fullmatch(r"README\.[\w-]+\.md", document.name):
        return
    original = document.with_name("README.md")
    for what, parts in PARTS.items():
        here, there = (parts(path.read_text(encoding="utf-8")) for path in (document, original))
        if extra := [part for part in here if part not in there]:
            yield f"{what} that README.md does not have: {extra[0]!r}"
        elif missing := list((Counter(there) - Counter(here)).elements()):
            yield f"{what} of README.md that it lacks: {missing[0]!r}"
        elif len(here) != len(there):
            yield f"{what}: {len(here)} in place of {len(there)}"


def links_of(text: str) -> list[str]:
    """Where it leads, except to the other language."""
    return [link for link in LINK.findall(FENCE.sub("", text)) if not link.startswith("README")]


def code_of(text: str) -> list[str]:
    """The lines of all blocks, without comments."""
    lines = (
        line.partition("#")[0].rstrip() for block in FENCE.findall(text) for line in block[1].splitlines()
    )
    return [line for line in lines if line]


PARTS: dict[str, Callable[[str], list[str]]] = {
    "a level of headings": lambda text: re.findall(r"^#+(?= )", FENCE.sub("", text), re.MULTILINE),
    "a line of code": code_of,
    "a link": links_of,
    "a code": lambda text: re.findall(r"`[^`\n]+`", FENCE.sub("", text)),
    "a figure": lambda text: re.findall(r"\d[\d.,]* s\b", text),
    "a row": lambda text: re.findall(r"^\|", text, re.MULTILINE),
    "an item": lambda text: re.findall(r"^- ", text, re.MULTILINE),
}
"""What both languages have, as often."""
CHECKS: tuple[Callable[[Path], Iterator[str]], ...] = (
    check_links,
    check_conflicts,
    check_python,
    check_toml,
    check_commands,
    check_translation,
)


def problems() -> list[str]:
    """All problems in all documents."""
    return [
        f"{document.relative_to(ROOT).as_posix()}: {problem}"
        for document in documents()
        for check in CHECKS
        for problem in check(document)
    ]


def main() -> int:
    """Prints the problems."""
    found = problems()
    print("\n".join(found) or f"{len(documents())} documents are fine.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
