"""`--include` and `--exclude`: patterns for paths below an input, as in `.gitignore`.

    *.jpg          files of that name, in any folder
    proofs         files of that name, and everything in folders of that name, in any folder
    proofs/        everything in folders of that name
    /proofs        only directly below the input
    2024/*/raw     relative to the input; `*` and `?` do not match `/`
    2024/**        everything below; `**/` is any number of folders

Matching ignores case and Unicode normalisation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from imgpar.core.filenames import fold


@dataclass(frozen=True, slots=True)
class Pattern:
    """One compiled pattern."""

    text: str
    regex: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> Pattern:
        """Compile a pattern as written by the user."""
        return cls(text, re.compile(expression(text), re.DOTALL))


def expression(pattern: str) -> str:
    """The regular expression, to be matched against folded paths from the start.

    >>> bool(re.match(expression("*.JPG"), "2024/may/a.jpg"))
    True
    >>> bool(re.match(expression("/*.jpg"), "may/a.jpg"))
    False
    >>> bool(re.match(expression("proofs"), "may/proofs/a.jpg"))
    True
    """
    text = fold(pattern.replace("\\", "/"))
    body = text.strip("/")
    anywhere = "/" not in text.rstrip("/")
    begin = "(?:.*/)?" if anywhere else ""
    end = "/.*" if text.endswith("/") else "(?:/.*)?"
    return f"{begin}{''.join(_translated(body))}{end}\\Z"


def _translated(body: str) -> Iterator[str]:
    at = 0
    while at < len(body):
        if body.startswith("**/", at):
            yield "(?:.*/)?"
            at += 3
        elif body.startswith("**", at):
            yield ".*"
            at += 2
        elif body[at] == "[" and (end := body.find("]", at + 2)) > 0:
            yield _class(body[at + 1 : end])
            at = end + 1
        else:
            yield {"*": "[^/]*", "?": "[^/]"}.get(body[at]) or re.escape(body[at])
            at += 1


def _class(inner: str) -> str:
    """A bracket expression: letters and ranges, negated by `!` or `^`."""
    negated = inner[0] in "!^" and len(inner) > 1
    letters = re.escape(inner[negated:]).replace(r"\-", "-")
    return f"[{'^/' if negated else ''}{letters}]"


class Patterns:
    """Selects files; records which patterns matched something.

    >>> patterns = Patterns(["*.jpg"], ["proofs/"])
    >>> patterns.takes("2024/a.JPG"), patterns.takes("a.png"), patterns.takes("2024/proofs/a.jpg")
    (True, False, False)
    >>> patterns.enters("2024"), patterns.enters("2024/proofs")
    (True, False)
    >>> patterns = Patterns(recursive=False)
    >>> patterns.takes("a.jpg"), patterns.takes("2024/a.jpg"), patterns.enters("2024")
    (True, False, False)

    Args:
        include: patterns of which a file has to match one, if there are any.
        exclude: patterns of which a file must match none.
        recursive: whether files in subfolders are selected.
    """

    def __init__(
        self, include: Sequence[str] = (), exclude: Sequence[str] = (), *, recursive: bool = True
    ) -> None:
        self.recursive = recursive
        self._include = [Pattern.of(text) for text in include]
        self._exclude = [Pattern.of(text) for text in exclude]
        self._matched: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._include or self._exclude or not self.recursive)

    def takes(self, path: str) -> bool:
        """Whether a file is selected: it matches one of `include`, if there are any, and none of
        `exclude`."""
        text = fold(path)
        if not self.recursive and "/" in path:
            return False
        wanted = not self._include or self._hit("include", self._include, text)
        return not self._hit("exclude", self._exclude, text) and wanted

    def enters(self, folder: str) -> bool:
        """Whether a folder may contain selected files; empty is the input itself."""
        if folder and not self.recursive:
            return False
        return not folder or not self._hit("exclude", self._exclude, fold(folder) + "/")

    def unmatched(self) -> list[str]:
        """One sentence per pattern that matched nothing."""
        every = [("include", pattern) for pattern in self._include]
        every += [("exclude", pattern) for pattern in self._exclude]
        return [
            f"Nothing in the input matches {name} {pattern.text!r}."
            for name, pattern in every
            if (name, pattern.text) not in self._matched
        ]

    def below(self, folder: str) -> Patterns:
        """The patterns for paths below a folder of the input."""
        return _Below(self, folder)

    def _hit(self, name: str, patterns: Iterable[Pattern], text: str) -> bool:
        """Whether one matches; those without a match so far are tested in any case."""
        found = False
        for pattern in patterns:
            if found and (name, pattern.text) in self._matched:
                continue
            if pattern.regex.match(text):
                found = True
                self._matched.add((name, pattern.text))
        return found


class _Below(Patterns):
    """Patterns whose paths begin in a folder; what they match is recorded where they come from."""

    def __init__(self, outer: Patterns, folder: str) -> None:
        self._outer, self._folder, self.recursive = outer, folder, outer.recursive

    def __bool__(self) -> bool:
        return bool(self._outer)

    def takes(self, path: str) -> bool:
        """As `Patterns.takes`."""
        return self._outer.takes(f"{self._folder}/{path}")

    def enters(self, folder: str) -> bool:
        """As `Patterns.enters`."""
        return self._outer.enters(f"{self._folder}/{folder}" if folder else self._folder)
