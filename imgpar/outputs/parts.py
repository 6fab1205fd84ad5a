"""The files of a split output: their targets, and what is left of an earlier state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from imgpar.core.digest import LOCAL, Store, as_recorded, matches_output
from imgpar.core.filenames import fold, is_part, natural, part_path
from imgpar.core.fs import remove_file
from imgpar.core.job import OutputFile, Target

Note = Callable[[OutputFile], None]


class PartTargets:
    """The targets of the single files of a split target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._existing = frozenset(map(fold, target.parts))
        self._known: dict[str, tuple[OutputFile, ...]] = {}
        for file in target.known:
            key = fold(file.path)
            self._known[key] = (*self._known.get(key, ()), file)

    def target(self, number: int) -> Target:
        """The target of the file with this number."""
        path = part_path(self._target.path, self._target.split, number)
        key = fold(path)
        known = self._known.get(key, self._target.known)
        return Target(self._target.format, path, replaces=key in self._existing, known=known)


def finish(targets: Iterable[Target], files: Sequence[OutputFile], note: Note | None) -> None:
    """End a job with split targets: remove files of an earlier state of the input that were not made again,
    where they are unchanged; and note that the targets are complete.

    Args:
        targets: of the job.
        files: what it has written.
        note: writes to the write-ahead log; None without one.
    """
    kept: set[str] | None = None
    for target in targets:
        for file in target.earlier:
            kept = {fold(made.path) for made in files} if kept is None else kept
            if fold(file.path) not in kept and matches_output(file.path, (file,)):
                remove_file(file.path)
        if note and target.split:
            note(completion(target, files))


def completion(target: Target, files: Iterable[OutputFile]) -> OutputFile:
    """The note that all files of a split target were written."""
    return _completed(target.path, sum(_is_part_of(file.path, target) for file in files))


def _completed(path: str, count: int) -> OutputFile:
    """The note that a split output has all its files; no output is empty."""
    return OutputFile(path, 0, count)


def complete_parts(
    path: str, noted: Sequence[OutputFile], parts: Iterable[OutputFile], store: Store = LOCAL
) -> list[OutputFile] | None:
    """The files of a split output after a crash, in their order; None where it was not completed.

    Args:
        path: of the output as a whole.
        noted: notes of that path.
        parts: notes of its files, also of those that were removed again.
        store: where they are.
    """
    by_path: dict[str, list[OutputFile]] = {}
    for file in parts:
        by_path.setdefault(file.path, []).append(file)
    there = (as_recorded(at, by_path[at], store) for at in sorted(by_path, key=natural))
    found = [file for file in there if file is not None]
    return found if found and _completed(path, len(found)) in _counts(noted) else None


def _counts(noted: Iterable[OutputFile]) -> list[OutputFile]:
    return [_completed(file.path, file.width) for file in noted if not file.bytes]


def written_parts(
    targets: Sequence[Target], noted: Mapping[str, Sequence[OutputFile]]
) -> tuple[OutputFile, ...]:
    """What a failed job has left: files of its targets in the write-ahead log that are still as noted."""
    return tuple(
        file
        for path, files in noted.items()
        if any(path == target.path or _is_part_of(path, target) for target in targets)
        and (file := as_recorded(path, files))
    )


def _is_part_of(path: str, target: Target) -> bool:
    return bool(target.split) and is_part(path, target.path, target.split)
