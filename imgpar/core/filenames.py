"""File names: order, equality, and unique names. Pure text, no disk access."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from heapq import heapify, heappop, merge

MAX_BYTES = 255
"""Longest name on common file systems, in bytes."""

_DIGITS = re.compile("([0-9]+)")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SHAPE = str.maketrans("123456789" + _LETTERS + _LETTERS.upper(), "0" * 9 + "a" * 26 + "A" * 26)
_MANY = 20_000
"""More names than this are not sorted at once, so that work can begin early."""
_MOST_SHAPES = 100
_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
_RESERVED_START = re.compile("(^|/)(con|prn|aux|nul|com|lpt)", re.IGNORECASE)


def fold(name: str) -> str:
    """A form in which two names are equal if a file system may treat them as one (macOS, Windows).

    >>> fold("CAFE\\u0301.JPG") == fold("caf\\u00e9.jpg")
    True
    """
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def natural(name: str) -> str:
    """A sort key that orders numbers by value.

    >>> sorted(["IMG_10", "IMG_2", "img_1"], key=natural)
    ['img_1', 'IMG_2', 'IMG_10']
    """
    parts = _DIGITS.split(name.lower())
    for index in range(1, len(parts), 2):
        digits = parts[index].lstrip("0")
        # A longer number is a larger one, so its length comes first.
        parts[index] = chr(48 + len(digits)) + digits
    return "".join(parts)


def in_order(names: Sequence[str]) -> Iterator[str]:
    """Names of one folder in natural order; for a million names the first ones are available at once.

    Where digits and capitals are at the same positions, text order is natural order: names of one shape are
    compared as text, which takes a tenth of the time.

    >>> list(in_order(["IMG_10", "IMG_2", "img_1"]))
    ['img_1', 'IMG_2', 'IMG_10']
    """
    shapes = shapes_of(names)
    if len(set(shapes)) == 1 and names[0].isascii():
        return _sorted(list(names))
    groups: dict[str, list[str]] = {}
    for name, shape in zip(names, shapes, strict=True):
        groups.setdefault(shape, []).append(name)
    if len(groups) > _MOST_SHAPES or not all(map(str.isascii, groups)):
        return iter(sorted(names, key=_natural_first))
    return merge(*map(_sorted, groups.values()), key=_natural_first)


def shapes_of(names: Sequence[str]) -> list[str]:
    """Each name with its digits replaced by 0, and its letters by a and A."""
    return "/".join(names).translate(_SHAPE).split("/") if names else []  # no name contains a slash


def _natural_first(name: str) -> tuple[str, str]:
    return natural(name), name


def _sorted(names: list[str]) -> Iterator[str]:
    """The names in text order, sorted lazily if there are many."""
    if len(names) < _MANY:
        names.sort()
        yield from names
        return
    heapify(names)
    while names:
        yield heappop(names)


def split_suffix(name: str) -> tuple[str, str]:
    """Stem and suffix with its dot; a leading dot is part of the stem.

    >>> split_suffix("a.tar.png"), split_suffix(".hidden")
    (('a.tar', '.png'), ('.hidden', ''))
    """
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if stem.strip(".") else (name, "")


def short_hash(text: str, length: int = 8) -> str:
    """Hexadecimal digits that are the same on every machine and in every run."""
    from hashlib import blake2b

    return blake2b(os.fsencode(text), digest_size=16).hexdigest()[:length]


def legal(stem: str, suffix: str, *, windows: bool = os.name == "nt") -> str:
    """`stem` + `suffix` as a legal name: not too long, on Windows not reserved.

    >>> legal("NUL", ".png", windows=True)
    '_NUL.png'
    """
    if windows and stem.partition(".")[0].rstrip(" ").upper() in _RESERVED:
        stem = "_" + stem
    name = stem + suffix
    if windows:
        name = name.rstrip(". ")
    if len(name) * 4 > MAX_BYTES and len(os.fsencode(name)) > MAX_BYTES:
        ending = "-" + short_hash(stem) + suffix
        room = MAX_BYTES - len(os.fsencode(ending))
        while len(os.fsencode(stem)) > room:
            stem = stem[: min(room, len(stem) - 1)]
        name = stem + ending
    return name


def all_legal(names: Sequence[str], room: int, *, windows: bool = os.name == "nt") -> bool:
    """Whether `legal` changes none of the names, even with a suffix that is `room` bytes longer.

    >>> all_legal(["a.png", "nul.png"], 6), all_legal(["a.png", "nul.png"], 6, windows=True)
    (True, False)
    """
    text = "/".join(names)
    longest = max(map(len, names), default=0) * (1 if text.isascii() else 4)
    return longest + room <= MAX_BYTES and not (windows and _RESERVED_START.search(text))


def candidate(path: str, stem: str, suffix: str, level: int) -> str:
    """The preferred name of the output of `path`, and its alternatives when names collide: `candidate_stem`
    with the suffix of the output, as a legal name.

    >>> [candidate("/x/a.png", "a", ".webp", level) for level in range(3)]
    ['a.webp', 'a.png.webp', 'x-a.png.webp']
    """
    return legal(candidate_stem(path, stem, level), suffix)


def candidate_stem(path: str, stem: str, level: int) -> str:
    """The preferred stem of the outputs of `path`, and its alternatives when names collide.

    Args:
        path: of the input.
        stem: preferred stem.
        level: 0 for the preferred stem; higher levels are longer.

    >>> [candidate_stem("/x/a.png", "a", level) for level in range(3)]
    ['a', 'a.png', 'x-a.png']
    """
    if level == 0:
        return stem
    folder, _, name = path.replace(os.sep, "/").rpartition("/")
    if level == 1:
        return name
    if level == 2:
        return folder.rpartition("/")[2] + "-" + name
    return f"{name}-{short_hash(path, 8 * (level - 2))}"


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")


def has_scheme(name: str) -> bool:
    """Whether a name is that of something that is no local file.

    >>> has_scheme("album://holiday/a.jpg"), has_scheme("/photos/a.jpg")
    (True, False)
    """
    return _SCHEME.match(name) is not None


def numbered(path: str, number: int) -> str:
    """A path with a number appended to its stem; 0 is none.

    >>> numbered("/out/a.webp", 2)
    '/out/a-2.webp'
    """
    if not number:
        return path
    folder, name = os.path.split(path)
    stem, suffix = split_suffix(name)
    return os.path.join(folder, legal(f"{stem}-{number}", suffix))


_PARTS = {
    "pages": ("-p{}", re.compile(r"(.+)-p([1-9]\d*)", re.DOTALL)),
    "frames": ("-{:06}", re.compile(r"(.+)-(\d{6,})", re.DOTALL)),
    "sprites": ("-sprites-{}", re.compile(r"(.+)-sprites-([1-9]\d*)", re.DOTALL)),
}
"""How the files of a split output are named: what follows the stem, and how it is recognised."""


def part_path(path: str, split: str, number: int) -> str:
    """The name of one file of a split output.

    Args:
        path: of the output as a whole.
        split: the naming, one of `core.job.Split`.
        number: of a page or a picture of sprites, from 1; index of a frame, from 0.

    >>> part_path("/out/scan.webp", "pages", 2), part_path("/out/clip.jpg", "frames", 50)
    ('/out/scan-p2.webp', '/out/clip-000050.jpg')
    """
    folder, name = os.path.split(parts_of(path))
    stem, suffix = split_suffix(name)
    return os.path.join(folder, stem + _PARTS[split][0].format(number) + suffix)


def parts_of(path: str) -> str:
    """What `whole_path` returns for the files of this output: the path, with a shorter stem if it is long."""
    folder, name = os.path.split(path)
    stem, suffix = split_suffix(name)
    longest = "-sprites-" + "0" * 9 + suffix
    return os.path.join(folder, legal(stem, longest).removesuffix(longest) + suffix)


def whole_path(path: str, split: str) -> str:
    """The name of the output to which a file belongs; empty for a name that is not one of a part.

    >>> whole_path("/out/scan-p2.webp", "pages"), whole_path("/out/scan.webp", "pages")
    ('/out/scan.webp', '')
    """
    return _part_of(path, split)[0]


def is_part(path: str, whole: str, split: str) -> bool:
    """Whether this is the name of a file of a split output.

    >>> is_part("/out/a-000050.jpg", "/out/a.jpg", "frames"), is_part("a-50.jpg", "a.jpg", "frames")
    (True, False)
    """
    number = _part_of(path, split)[1]
    return number >= 0 and part_path(whole, split, number) == path


def whole_paths(path: str) -> list[str]:
    """The names of all outputs to which a file may belong, by any naming.

    >>> whole_paths("/out/a-p2.webp"), whole_paths("/out/a.webp")
    (['/out/a.webp'], [])
    """
    return [whole for split in _PARTS if (whole := whole_path(path, split))]


def _part_of(path: str, split: str) -> tuple[str, int]:
    folder, name = os.path.split(path)
    stem, suffix = split_suffix(name)
    found = _PARTS[split][1].fullmatch(stem)
    return (os.path.join(folder, found[1] + suffix), int(found[2])) if found else ("", -1)


LAST_LEVEL = 6
"""A name with 32 hexadecimal digits of its path is unique."""


def settle(
    count: int,
    names: Callable[[int, int], Iterable[str]],
    taken: Container[str] = (),
) -> dict[int, int]:
    """Raise the level of all members whose names collide, until all names differ.

    All members that collide are raised together, so the result does not depend on the order.

    Args:
        count: number of members.
        names: `names(member, level)` returns all names of a member at a level.
        taken: folded names that are not available.

    Returns:
        The levels of the members above 0.

    >>> wanted = [["a", "a.png"], ["a", "a.jpg"], ["b"]]
    >>> settle(3, lambda member, level: [wanted[member][level]])
    {0: 1, 1: 1}
    """
    levels: dict[int, int] = {}
    while True:
        first: dict[str, int] = {}
        moving: set[int] = set()
        for member in range(count):
            level = levels.get(member, 0)
            for name in names(member, level):
                key = fold(name)
                other = first.setdefault(key, member)
                if key in taken:
                    moving.add(member)
                elif other != member:
                    moving.update((member, other))
        moving = {member for member in moving if levels.get(member, 0) < LAST_LEVEL}
        if not moving:
            return levels
        for member in moving:
            levels[member] = levels.get(member, 0) + 1
