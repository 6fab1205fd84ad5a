"""Interprets the inputs: folders to walk, single files, and missing paths."""

from __future__ import annotations

import errno
import fnmatch
import glob
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from imgpar.core.addresses import is_address, without_secrets
from imgpar.core.errors import UsageError, refuse_address
from imgpar.core.filenames import fold, natural, short_hash
from imgpar.core.fs import long_path
from imgpar.inputs.batches import Batch, holds_output
from imgpar.inputs.found_archives import FoundArchives
from imgpar.inputs.ignored import is_system_folder
from imgpar.inputs.numbers import sources_of
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.schemes import archive_suffix
from imgpar.inputs.sources import Source
from imgpar.inputs.spelling import Spelling
from imgpar.inputs.walk import Opener, walk


@dataclass(slots=True)
class Root:
    """A folder to walk, with all inputs inside of it: the source of local files."""

    path: str
    real: str
    everything: bool = False
    """Whether the folder itself was named, not only patterns or files inside of it."""
    patterns: list[list[str]] = field(default_factory=list)
    """Patterns for paths relative to the root, split at `/`."""
    named: dict[str, set[str]] = field(default_factory=dict)
    """Files named individually: relative folder → names."""
    mirror: str = ""
    leave_out: str = ""
    """Output folder, which may lie inside."""
    opener: Opener | None = None
    """Opens archives that are found in it."""
    enters: Callable[[str], bool] | None = None
    """Which folders are read; None reads all."""

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """All media in the folder and below it; see `walk`."""
        return walk(
            self.path,
            mirror,
            wanted=None if self.everything else self.takes,
            named=self.named,
            leave_out=self.leave_out,
            patterns=patterns,
            opener=self.opener,
            enters=self.enters,
        )

    def takes(self, relative: str) -> bool:
        """Whether one of the patterns selects this file."""
        path = relative.split("/")
        return any(matches(path, pattern) for pattern in self.patterns)


@dataclass(slots=True)
class Placed:
    """Any other source, with its path below OUT."""

    source: Source
    real: str
    mirror: str = ""


@dataclass(slots=True)
class Named:
    """All inputs: folders to walk, other sources, and single paths (files, missing paths, special files)."""

    roots: list[Root]
    files: list[str]
    missing: list[str]
    sources: list[Placed] = field(default_factory=list)
    base: str = ""
    """Folder above all inputs that OUT mirrors; empty where each folder is mirrored by itself."""

    def by_folder(self, files: Iterable[str]) -> dict[str, list[str]]:
        """These files by their folders, in their order."""
        found: dict[str, list[str]] = {}
        for path in files:
            found.setdefault(os.path.dirname(path), []).append(path)
        return found


def read_inputs(
    inputs: Iterable[str | Source],
    out: str | None,
    *,
    recursive: bool = True,
    base: str = "",
    spelling: Spelling | None = None,
) -> Named:
    """Sort the inputs into folders, other sources and single paths, without duplicates.

    Args:
        inputs: as given.
        out: output folder; None if there is none.
        recursive: whether subfolders are read: an input in one of them is then part of the outer input.
        base: folder below which all inputs lie, as OUT is to mirror it; empty for none.
        spelling: of paths that may be written in several ways.

    Raises:
        UsageError: an input does not lie in `base`.
    """
    inputs = list(inputs)
    opener = next((given for given in inputs if isinstance(given, FoundArchives)), None)
    sources = [Placed(source, source.real) for source in sources_of(inputs) if source is not opener]
    roots: dict[str, Root] = {}
    files: dict[str, str] = {}
    missing: list[str] = []
    spelling = spelling or Spelling()
    outside = spelling.of(os.path.realpath(out)) if out else ""
    for path in expand(given for given in inputs if isinstance(given, str)):
        mode = _mode(path)
        if mode is not None and stat.S_ISDIR(mode):
            _root(roots, absolute(path), spelling).everything = True
        elif mode is None and "**" in path and os.path.isdir((split := split_pattern(path))[0]):
            _root(roots, split[0], spelling).patterns.append(split[1])
        else:
            full = absolute(path)
            place = real_place(full)
            files.setdefault(place if mode is None else spelling.of(place), full)
            if mode is None:
                missing.append(path)
    # `imgpar convert * -o out` names out itself from the second run on.
    if len(roots) + len(files) + len(sources) > 1:
        roots.pop(outside, None)
    kept = _outermost(list(roots.values()), outside) if recursive else list(roots.values())
    single = [full for place, full in files.items() if not _walked(kept, place, outside, recursive)]
    if base:
        for root in kept:
            root.mirror = below_base(root.path, base)
        for placed in sources:
            placed.mirror = _folder_of(placed.source, base)
    elif len(kept) + len(single) + len(sources) > 1:
        _name([*kept, *(placed for placed in sources if not placed.source.loose)])
    for root in kept:
        root.opener = opener
    return Named(kept, single, missing, sources, base)


def absolute(path: str) -> str:
    """The absolute path as written by the user; `..` is resolved through links.

    >>> absolute("/photos/./a.jpg") == os.path.abspath("/photos/a.jpg")
    True

    Raises:
        UsageError: it is an address.
    """
    refuse_address(path)
    if os.pardir in path.replace(os.sep, "/").split("/"):
        return real_place(os.path.join(os.getcwd(), path))
    return os.path.abspath(path)


def real_place(path: str) -> str:
    """The path with links resolved in its folder, but not in its last component."""
    folder, name = os.path.split(path.rstrip("/" + os.sep) or path)
    if name in ("", os.curdir, os.pardir):
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(folder), name)


def split_pattern(pattern: str) -> tuple[str, list[str]]:
    """The folder above the first wildcard, and the pattern for paths below it.

    >>> split_pattern("/photos/**/*.jpg")[1]
    ['**', '*.jpg']
    """
    base, parts = above_wildcards(pattern)
    return absolute(base), parts


def above_wildcards(pattern: str, paths: ModuleType = os.path) -> tuple[str, list[str]]:
    r"""The same with the folder as it is written.

    >>> import ntpath
    >>> above_wildcards(r"C:\**\*.jpg", ntpath), above_wildcards(r"**\*.jpg", ntpath)
    (('C:/', ['**', '*.jpg']), ('.', ['**', '*.jpg']))

    Args:
        pattern: with a wildcard.
        paths: `posixpath` or `ntpath`.
    """
    drive, rest = paths.splitdrive(pattern)  # `?` in the drive `\\?\C:` is no wildcard
    parts = rest.replace(paths.sep, "/").split("/")
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    # `C:` without a slash is the current folder of that drive.
    above = "/".join(parts[:first]) or ("/" if rest[0] in "/" + paths.sep else "")
    return drive + above or paths.curdir, parts[first:]


def matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the parts of a path match those of a pattern, in which `**` is any number of folders.

    >>> matches(["2024", "may", "a.jpg"], ["**", "*.jpg"]), matches(["a.png"], ["**", "*.jpg"])
    (True, False)
    """
    if not pattern or not path:
        return not pattern and not path
    if pattern[0] == "**":
        rest = pattern[1:]
        return not rest or any(matches(path[skip:], rest) for skip in range(len(path)))
    return fnmatch.fnmatch(path[0], pattern[0]) and matches(path[1:], pattern[1:])


def expand(inputs: Iterable[str]) -> Iterator[str]:
    """Expand patterns that no shell has expanded; an existing file with the name of a pattern takes
    precedence."""
    for path in inputs:
        if "**" in path or not glob.has_magic(path) or os.path.lexists(path):
            yield path
        else:
            yield from sorted(glob.iglob(path), key=lambda match: (natural(match), match)) or [path]


def _mode(path: str) -> int | None:
    """Mode of the target of a path; None when it does not exist, 0 when that is unknown."""
    try:
        return os.stat(long_path(path)).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return 0 if os.path.islink(path) else None
    except OSError as error:
        return None if error.errno == errno.EINVAL else 0  # Windows: no file may have this name (`*`)


def _root(roots: dict[str, Root], folder: str, spelling: Spelling) -> Root:
    """The root of this folder: a new one, or that of another name of the same folder."""
    real = spelling.of(os.path.realpath(folder))
    return roots.setdefault(real, Root(folder, real))


def _outermost(roots: list[Root], outside: str) -> list[Root]:
    """Merge roots into those that contain them, so that no file is visited twice."""
    kept: list[Root] = []
    for root in sorted(roots, key=lambda root: len(root.real)):
        outer = next((other for other in kept if _reaches(other, root.real, outside)), None)
        if outer is None:
            kept.append(root)
            continue
        prefix = [glob.escape(part) for part in _relative(root.real, outer.real).split("/")]
        patterns = [["**"]] if root.everything else root.patterns
        outer.patterns += [prefix + pattern for pattern in patterns]
    return [root for root in roots if root in kept]


def _walked(roots: list[Root], place: str, outside: str, recursive: bool) -> bool:
    """Whether the walk of a root visits this file; then it is read there, under its mirrored name."""
    folder, name = os.path.split(place)
    for root in roots:
        if os.path.isfile(place) and (folder == root.real or (recursive and _reaches(root, folder, outside))):
            root.named.setdefault(_relative(folder, root.real), set()).add(name)
            return True
    return False


def _reaches(root: Root, folder: str, outside: str) -> bool:
    """Whether a walk from `root` visits `folder`: no hidden, system or output folder is on the way."""
    if not folder.startswith(os.path.join(root.real, "")):
        return False
    at = root.real
    for part in _relative(folder, root.real).split("/"):
        at = os.path.join(at, part)
        if part.startswith(".") or is_system_folder(part) or at == outside or holds_output(at):
            return False
    return True


def _relative(path: str, root: str) -> str:
    return path[len(os.path.join(root, "")) :].replace(os.sep, "/")


def below_base(path: str, base: str) -> str:
    """The path of an input below the folder that OUT mirrors, with `/`; empty for that folder itself.

    >>> below_base("/photos/2024/a.jpg", "/photos")
    '2024/a.jpg'

    Raises:
        UsageError: it does not lie there.
    """
    for inner, outer in ((path, base), (real_place(path), os.path.realpath(base))):
        if inner == outer:
            return ""
        if inner.startswith(os.path.join(outer, "")):
            return _relative(inner, outer)
    raise UsageError(
        f"{without_secrets(path)} does not lie in the root {base}.",
        fix="Name a root above all inputs, or leave it out.",
    )


def _folder_of(archive: Source, base: str) -> str:
    """The folder below OUT of an archive: its name without suffix."""
    below = below_base(archive.root, base)
    suffix = archive_suffix(below)
    return below[: -len(suffix) - 1] if suffix else below


def _name(roots: Sequence[Root | Placed]) -> None:
    """With several inputs, each folder and archive gets its own name; equal names are extended."""
    levels = [_own_names(root.real) for root in roots]
    chosen = [0] * len(roots)
    while True:
        keys = [fold(names[at]) for names, at in zip(levels, chosen, strict=True)]
        same = [index for index, key in enumerate(keys) if keys.count(key) > 1 and chosen[index] < 2]
        if not same:
            break
        for index in same:
            chosen[index] += 1
    for root, names, at in zip(roots, levels, chosen, strict=True):
        root.mirror = names[at]


def _own_names(path: str) -> tuple[str, str, str]:
    """For `/a/photos`: `photos`, `a-photos`, and `a-photos` with a hash of the path; for an archive
    `/a/photos.zip`: `photos`, `photos-zip`, and `photos` with a hash."""
    name = os.path.basename(path) or "root"
    suffix = archive_suffix(path)
    stem = name[: -len(suffix) - 1] if suffix else ""
    if stem and (is_address(path) or os.path.isfile(path)):
        return stem, f"{stem}-{suffix}", f"{stem}-{short_hash(path)}"
    above = os.path.basename(os.path.dirname(path))
    longer = f"{above}-{name}" if above else name
    return name, longer, f"{longer}-{short_hash(path)}"
