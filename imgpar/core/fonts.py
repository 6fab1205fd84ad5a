"""Installed fonts: those of a generic family, and those that contain a character.

fontconfig is used where it is installed (Linux, sometimes elsewhere); on other systems the fonts that come
with them are known by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple

GENERIC = {
    "sans_serif": ("sans-serif", ("Segoe UI", "Arial", "Helvetica", "DejaVu Sans", "Liberation Sans")),
    "serif": ("serif", ("Times New Roman", "Times", "DejaVu Serif", "Noto Serif", "Liberation Serif")),
    "monospace": ("monospace", ("Consolas", "Menlo", "Courier New", "DejaVu Sans Mono", "Liberation Mono")),
    "cursive": ("cursive", ("Comic Sans MS", "Apple Chancery")),
    "fantasy": ("fantasy", ("Impact", "Papyrus")),
}  # fmt: skip
"""Generic families: their names in fontconfig, and families that represent them, in order of preference."""
_FOLDERS = {
    "win32": (r"%WINDIR%\Fonts", r"%LOCALAPPDATA%\Microsoft\Windows\Fonts"),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
}
_UNIX = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_SECONDS = 20
_JOINER = "\u200d"
_EMOJI_SIGN = "\ufe0f"
_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))
_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
"""Skin-tone modifiers, which belong to the preceding emoji."""
_JOINING = frozenset(("Mn", "Mc", "Me", "Cf"))
"""Unicode categories of characters that belong to the preceding one."""
_UNSEEN = frozenset(("Cf", "Cc"))


@cache
def families() -> dict[str, str]:
    """The family that represents each generic one; empty where no font is installed.

    >>> set(families()) <= set(GENERIC)
    True
    """
    found = {name: _matched(generic) for name, (generic, _) in GENERIC.items()}
    if not any(found.values()):
        known = _installed_families()
        found = {name: next(filter(known.__contains__, usual), "") for name, (_, usual) in GENERIC.items()}
    usual = found["sans_serif"] or next(filter(None, found.values()), "")
    return {name: family or usual for name, family in found.items() if family or usual}


class Font(NamedTuple):
    """An installed font."""

    file: str
    family: str
    colour: bool
    """Whether it is a colour font."""
    starts: tuple[int, ...]
    """First code points of its ranges, in order."""
    ends: tuple[int, ...]
    """Last code point of each range."""

    def has(self, letters: Iterable[str]) -> bool:
        """Whether it contains all of these characters."""
        for letter in letters:
            at = bisect_right(self.starts, ord(letter)) - 1
            if at < 0 or self.ends[at] < ord(letter):
                return False
        return True


def clusters(line: str) -> list[str]:
    """Grapheme clusters: characters with their accents, vowel signs, or the parts of a joined emoji.

    >>> [len(cluster) for cluster in clusters("ae\u0301b")]
    [1, 2, 1]
    """
    found = list[str]()
    for letter in line:
        if found and (
            unicodedata.category(letter) in _JOINING or letter in _TONES or found[-1][-1] == _JOINER
        ):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def visible(text: str) -> str:
    """The characters of a text that need a glyph: without spaces, joiners and the like."""
    return "".join(
        letter
        for letter in text
        if not letter.isspace() and letter not in _SELECTORS and unicodedata.category(letter) not in _UNSEEN
    )


def is_emoji(cluster: str) -> bool:
    """Whether it is usually drawn in colour."""
    return _EMOJI_SIGN in cluster or any("\U0001f000" <= letter <= "\U0001faff" for letter in cluster)


def letters_without_font(letters: Iterable[str]) -> str:
    """The characters that no installed font contains; empty where that is unknown.

    >>> letters_without_font("A")
    ''
    """
    return "".join(letter for letter in visible("".join(letters)) if with_letters(letter) == ())


@lru_cache(maxsize=4096)
def with_letters(cluster: str) -> tuple[Font, ...] | None:
    """Fonts that contain all characters of a cluster, in order of preference; None without fontconfig."""
    fonts = installed()
    if fonts is None:
        return None
    needed = visible(cluster)
    found = [font for font in fonts if font.has(needed)]
    return tuple(sorted(found, key=lambda font: font.colour != is_emoji(cluster)))


@cache
def installed() -> tuple[Font, ...] | None:
    """All fonts, in fallback order; None without fontconfig."""
    if not _fontconfig():
        return None
    found = dict[str, Font]()
    for line in _run("fc-match", "-a", "-f", "%{file}\t%{family[0]}\t%{color}\t%{charset}\n", "sans-serif"):
        file, family, colour, letters = (*line.split("\t"), "", "", "")[:4]
        if letters and file not in found and file.lower().endswith(_SUFFIXES) and os.path.exists(file):
            found[file] = Font(file, family, colour == "True", *_ranges(letters))
    return tuple(found.values())


@lru_cache(maxsize=16)
def _ranges(letters: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First and last code points of a list of ranges such as "20-7e a0"."""
    pairs = [part.partition("-")[::2] for part in letters.split()]
    return tuple(int(start, 16) for start, _ in pairs), tuple(int(end or start, 16) for start, end in pairs)


def files() -> list[str]:
    """All font files in the font folders of this system."""
    return sorted(_files())


def _files() -> Iterator[str]:
    for folder in _FOLDERS.get(sys.platform, _UNIX):
        for place, _, names in os.walk(os.path.expanduser(os.path.expandvars(folder))):
            yield from (os.path.join(place, name) for name in names if name.lower().endswith(_SUFFIXES))


@cache
def _fontconfig() -> bool:
    return shutil.which("fc-match") is not None


def _matched(generic: str) -> str:
    """The family that fontconfig chooses for a generic one."""
    if not installed():
        return ""
    return next(iter(_run("fc-match", "-f", "%{family[0]}\n", generic)), "")


@cache
def _installed_families() -> frozenset[str]:
    from PIL import ImageFont

    found = set[str]()
    for path in files():
        try:
            found.add(ImageFont.truetype(path, 12).getname()[0] or "")
        except (OSError, AttributeError):
            continue
    return frozenset(found)


def _run(*command: str) -> list[str]:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line for line in done.stdout.decode("utf-8", "replace").splitlines() if line]
