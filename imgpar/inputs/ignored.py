"""Files and folders that a walk skips: files that are not media, by kind, and folders of operating
systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

HIDDEN = "hidden"
"""Kind of files whose names begin with a dot."""
BARE = "without suffix"
SHOWN = 6
"""Maximum number of kinds in a sentence."""

_FOLDERS = frozenset(
    (
        "@eadir", "#recycle", "#snapshot",  # Synology
        "@recycle", "@recently-snapshot",  # QNAP
        "__macosx",  # ZIP archives made by macOS
        "$recycle.bin", "system volume information",  # Windows
        "lost+found",
    )
)  # fmt: skip
_ENDS = (".lrdata",)
"""Previews of Lightroom catalogues."""


def is_system_folder(name: str) -> bool:
    """Whether a folder of this name contains thumbnails, deleted files or the like.

    >>> is_system_folder("@eaDir"), is_system_folder("Smart Previews.lrdata"), is_system_folder("photos")
    (True, True, False)
    """
    name = name.lower()
    return name in _FOLDERS or name.endswith(_ENDS)


def ignored_kind(name: str) -> str:
    """The kind of a file that is not media, from its name.

    >>> ignored_kind("a.TXT"), ignored_kind("README"), ignored_kind("._a.jpg")
    ('.txt', 'without suffix', 'hidden')
    """
    if name.startswith("."):
        return HIDDEN
    stem, _, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if stem and suffix else BARE


@dataclass(slots=True)
class Aside:
    """Counts of skipped files and folders of a run."""

    kinds: Counter[str] = field(default_factory=Counter)
    """Files by kind."""
    folders: Counter[str] = field(default_factory=Counter)
    """Folders by name; their contents are not counted."""
    excluded: int = 0
    """Media and whole folders excluded by patterns."""
    filtered: int = 0
    """Media left out by conditions."""
    others: Counter[str] = field(default_factory=Counter)
    """In a dry run: files that would be copied or linked, although they are no media, by what becomes of
    them."""

    def add(
        self, kinds: Mapping[str, int], folders: Mapping[str, int], excluded: int, filtered: int = 0
    ) -> None:
        """Add the counts of one folder."""
        self.kinds.update(kinds)
        self.folders.update(folders)
        self.excluded += excluded
        self.filtered += filtered

    def facts(self) -> dict[str, object]:
        """The fields of a report."""
        return {
            "ignored": self.kinds.total(),
            "left_out": dict(self.kinds.most_common()),
            "left_out_folders": dict(self.folders.most_common()),
            "excluded": self.excluded,
            "filtered": self.filtered,
        }


def ignored_sentence(
    kinds: Mapping[str, int], folders: Mapping[str, int], excluded: int = 0, filtered: int = 0
) -> str:
    """One sentence with the counts; empty if all are 0.

    >>> ignored_sentence({".txt": 12, "without suffix": 2}, {"@eaDir": 3, "__MACOSX": 1}, 5)
    'Left out: 12 .txt, 2 without suffix; folders @eaDir (3), __MACOSX; 5 by include and exclude.'
    """
    parts = [_listed([f"{count} {kind}" for kind, count in kinds.items()], "other kinds")]
    names = [f"{name} ({count})" if count > 1 else name for name, count in folders.items()]
    word = "folder" if len(folders) == 1 and folders[next(iter(folders))] == 1 else "folders"
    parts.append(f"{word} {_listed(names, 'other names')}" if names else "")
    parts.append(f"{excluded} by include and exclude" if excluded else "")
    parts.append(f"{filtered} by where" if filtered else "")
    found = "; ".join(filter(None, parts))
    return f"Left out: {found}." if found else ""


def _listed(words: list[str], others: str) -> str:
    rest = [f"{len(words) - SHOWN} {others}"] if len(words) > SHOWN else []
    return ", ".join([*words[:SHOWN], *rest])
