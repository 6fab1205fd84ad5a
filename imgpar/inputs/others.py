"""Files of the input folders that are no pictures and clips, for `--others`: copied or linked to their place
in OUT.

Hidden files, files of operating systems in folders of their own, what lies in excluded or hidden folders, and
symbolic links to files outside of the input folder are not among them.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from imgpar.core.job import OTHER, Item
from imgpar.inputs.batches import Batch, file_facts, is_media, is_sidecar, look_inside, why_unreadable
from imgpar.inputs.companions import SIDECAR
from imgpar.inputs.ignored import ignored_kind
from imgpar.inputs.patterns import Patterns


def with_others(
    batches: Iterable[Batch], patterns: Patterns, *, apart: bool, ours: Collection[str] = (), out: str = ""
) -> Iterator[Batch]:
    """Each batch, and the other files of its folder.

    Args:
        batches: folders with counts of what was ignored in them.
        patterns: `include` and `exclude` of the run, which hold for these files, too.
        apart: whether they are in a batch of their own, so that the pictures stay in columns; otherwise they
            are the last items, for outputs whose names they may have.
        ours: absolute paths of files of the run itself.
        out: output folder; nothing is copied onto itself.
    """
    target = os.path.realpath(out) if out else ""
    for batch in batches:
        own = batch.folder and batch.ignored and not (target and _is_target(batch, target))
        found = list(_others(batch, patterns, ours)) if own and not batch.others else []
        found += [item for item in batch.others if not patterns or patterns.takes(_path_in(item, batch))]
        if outside := dict.fromkeys(item.path for item in found if _leads_out(item.path, batch)):
            found = [item for item in found if item.path not in outside]
            batch = replace(batch, notes=(*batch.notes, _left_out(list(outside))))
        if not found:
            yield batch
            continue
        sidecars = sum(is_sidecar(item.path) for item in found)
        left = Counter(batch.kinds) - Counter(ignored_kind(os.path.basename(item.path)) for item in found)
        rest = replace(batch, ignored=left.total(), kinds=left, sidecars=max(0, batch.sidecars - sidecars))
        if not apart:
            yield replace(rest, items=[*batch.items, *found])
            continue
        yield rest
        yield Batch(batch.folder, batch.mirror, tuple(found), folders=batch.folders, root=batch.root)


def _is_target(batch: Batch, target: str) -> bool:
    """Whether the outputs of a batch go to its own folder."""
    return os.path.realpath(os.path.join(target, *batch.mirror.split("/"))) == os.path.realpath(batch.folder)


def _leads_out(path: str, batch: Batch) -> bool:
    """Whether a file is a symbolic link to one outside of the input folder: what is there was not named."""
    if not os.path.islink(path):
        return False
    root = os.path.join(os.path.realpath(batch.root or batch.folder), "")
    return not os.path.realpath(path).startswith(root)


def _path_in(item: Item, batch: Batch) -> str:
    """The path of an item below the input."""
    return item.path[len(batch.root) + 1 :].replace(os.sep, "/")


def _left_out(paths: Sequence[str]) -> str:
    more = f", and {len(paths) - 1} more beside it" if len(paths) > 1 else ""
    return f"{paths[0]} is a link to a file outside of the input folder and was left out{more}."


def _others(batch: Batch, patterns: Patterns, ours: Collection[str]) -> Iterator[Item]:
    below = os.path.relpath(batch.folder, batch.root or batch.folder).replace(os.sep, "/")
    below = "" if below == "." else f"{below}/"
    companions = {os.path.basename(item.path) for item in batch.items if item.format == SIDECAR}
    try:
        names = sorted(os.listdir(batch.folder))
    except OSError:  # it was listed a moment ago; its pictures say what is wrong
        return
    for name in names:
        path = os.path.join(batch.folder, name)
        if name.startswith(".") or is_media(name) or name in companions or path in ours:
            continue
        if not patterns or patterns.takes(below + name):
            item = _item(path, f"{batch.mirror}/{name}" if batch.mirror else name)
            if item is not None:
                yield item


def _item(path: str, mirror: str) -> Item | None:
    """The item of a file; None of a folder, a device and the like, and of a picture with another suffix."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or look_inside(path):
            return None
    except FileNotFoundError:  # a broken link
        return None
    except OSError as error:
        return Item(path, mirror, 0, 0, error=why_unreadable(error), format=OTHER)
    size, mtime_ns, inode, ctime_ns = file_facts(status)
    return Item(path, mirror, size, mtime_ns, inode, "", OTHER, ctime_ns)
