"""Taking an input away so that no other file is lost: not one that gets its name meanwhile, nor one that is
written to.

The file is renamed into a hidden folder beside it. Nobody finds it there, so what is true of it then stays
true until it is moved or deleted. Where it is not the file that was converted, it gets its name back.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from typing import Self

from imgpar.batch.watch.settle import has_writer
from imgpar.core.digest import file_digest
from imgpar.core.filenames import numbered
from imgpar.core.fs import LEAVING, Half, move_new, sync_folder, temporary_path
from imgpar.core.job import Facts


class Leaving:
    """A file under a private name while the block runs; what is left of it then is put back.

    Args:
        path: of the file.

    Raises:
        OSError: it cannot be renamed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._folder = os.path.join(os.path.dirname(path), LEAVING)
        self.held = os.path.join(self._folder, os.path.basename(path))

    def __enter__(self) -> Self:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        try:
            if os.path.lexists(self.held):  # of a watch that was killed
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.held)
            os.rename(self.path, self.held)
        except OSError:
            self._drop_folder()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.put_back()

    def is_file(self, known: Facts) -> bool:
        """Whether it is the file with these facts, and no program writes to it. A rename sets ctime only."""
        now = Facts.of(os.lstat(self.held))
        return now._replace(ctime_ns=0).agree(known) and not has_writer(self.held)

    def put_back(self) -> None:
        """Give the file its name back, or one beside it where the name is taken."""
        if os.path.lexists(self.held):
            under_free_name(self.held, self.path)
        self._drop_folder()

    def _drop_folder(self) -> None:
        with contextlib.suppress(OSError):  # it is not empty, or gone
            os.rmdir(self._folder)


def left_behind(roots: Iterable[str]) -> Iterator[Leaving]:
    """What lies in the hidden folders below some folders."""
    for root in roots:
        for folder, folders, _ in os.walk(root):
            if LEAVING in folders:
                folders.remove(LEAVING)
                for name in sorted(os.listdir(os.path.join(folder, LEAVING))):
                    yield Leaving(os.path.join(folder, name))


def move_away(path: str, final: str) -> None:
    """Move a file to a place of its own, also on another disk: copied, compared, and then removed.

    Args:
        path: of a file that no other program changes.
        final: its new path; numbered where that is taken by another file.

    Raises:
        OSError: it cannot be moved, and is where it was.
    """
    try:
        under_free_name(path, final)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    with Half(temporary_path(final), 0o666) as half:
        with open(path, "rb") as source, open(half.handle, "wb", closefd=False) as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        shutil.copystat(path, half.path)
        if file_digest(half.path) != file_digest(path):
            raise OSError(errno.EIO, "its copy differs")
        half.finish()
        under_free_name(half.path, final)
    sync_folder(os.path.dirname(final))
    os.unlink(path)


def under_free_name(path: str, final: str) -> None:
    """Rename a file without replacing another one; where the name is taken, it is numbered."""
    name = final
    for number in range(1, 1_000_000):
        try:
            move_new(path, name)
            return
        except FileExistsError:
            name = numbered(final, number)
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), final)
