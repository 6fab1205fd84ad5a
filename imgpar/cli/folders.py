"""Contents of a folder for `imgpar info`, counted from names and sizes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from imgpar.batch.report import counted, format_size
from imgpar.core.addresses import is_address
from imgpar.formats.registry import FORMATS, format_of_suffix
from imgpar.inputs.ignored import Aside, ignored_sentence
from imgpar.inputs.local import nothing_there, scan
from imgpar.inputs.patterns import Patterns


def check_there(paths: Sequence[str]) -> None:
    """Raise UsageError if none of the inputs is an address or a path that exists."""
    if not any(is_address(path) or os.path.lexists(path) for path in paths):
        raise nothing_there(paths)


def folder_facts(path: str, patterns: Patterns | None = None) -> dict[str, Any]:
    """Counts of a folder and its subfolders, of the files that the patterns take."""
    files, sizes, broken, aside = Counter[str](), Counter[str](), list[str](), Aside()
    notes = list[str]()
    for batch in scan([path], out=None, patterns=patterns):
        aside.add(batch.kinds, batch.left_out, batch.excluded, batch.filtered)
        notes += batch.notes
        for item in batch.items:
            if item.error:
                broken.append(f"{item.path}: {item.error}")
                continue
            found = FORMATS.get(item.format) or format_of_suffix(item.path)
            name = found.name if found else "unknown"
            files[name] += 1
            sizes[name] += item.size
    facts = aside.facts()
    if not facts["excluded"]:
        del facts["excluded"]
    return {
        "path": os.path.abspath(path),
        "folder": True,
        "files": files.total(),
        "bytes": sizes.total(),
        "formats": {name: {"files": count, "bytes": sizes[name]} for name, count in files.most_common()},
        "unreadable": broken,
        **facts,
        "notes": notes,
    }


def folder_words(facts: dict[str, Any]) -> dict[str, Any]:
    """The same as readable text.

    >>> words = folder_words({
    ...     "path": "/p", "files": 2, "bytes": 3000, "formats": {"jpeg": {"files": 2, "bytes": 3000}},
    ...     "unreadable": [], "left_out": {".txt": 1}, "left_out_folders": {}, "notes": []})
    >>> words["holds"], words["formats"], words["besides"]
    ('2 pictures and clips, 3.0 kB', {'jpeg': '2 files, 3.0 kB'}, 'Left out: 1 .txt.')
    """
    many = facts["files"] != 1
    kinds = "pictures and clips" if many else "picture or clip"
    holds = f"{facts['files']} {kinds}, {format_size(facts['bytes'])}"
    return {
        "folder": facts["path"],
        "holds": holds if facts["files"] else "no pictures or clips",
        "formats": {
            name: f"{counted(found['files'], 'file')}, {format_size(found['bytes'])}"
            for name, found in facts["formats"].items()
        },
        "cannot be read": dict(enumerate(facts["unreadable"], 1)),
        "besides": ignored_sentence(facts["left_out"], facts["left_out_folders"], facts.get("excluded", 0)),
        "notes": " ".join(facts["notes"]),
    }
