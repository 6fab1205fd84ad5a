"""The files of extracted frames: committed when complete; existing files are replaced only on request."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from imgpar.batch.frames.reading import ClipFrame
from imgpar.batch.frames.sheets import Sprites
from imgpar.core.errors import CommitError
from imgpar.core.job import OutputFile, Target
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import find_format
from imgpar.outputs.sidefiles import names_known_file

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Inputs = frozenset[tuple[int, int]]
"""Identities of the inputs, from `sidefiles.identities`; inputs are never replaced."""
NONE: Inputs = frozenset()


def write_frames(
    found: Iterable[ClipFrame],
    folder: str,
    stem: str,
    suffix: str,
    options: EncodeOptions,
    *,
    replace: bool,
    inputs: Inputs = NONE,
) -> Iterator[OutputFile]:
    """Write frames as `stem-000123.suffix`, with the index of the frame.

    Args:
        found: the frames; arrays are uint8, H×W×3 or H×W×4.
        folder: of the files.
        stem: first part of their names.
        suffix: of a picture format, without a dot.
        options: encoder settings.
        replace: whether existing files may be replaced.
        inputs: files that are never replaced.

    Raises:
        CommitError: a file exists and may not be replaced.
        EncodeError: the format cannot hold a frame.
    """
    for frame in found:
        path = os.path.join(folder, f"{stem}-{frame.index:06}.{suffix}")
        yield write_picture([frame.array], path, options, replace=replace, inputs=inputs)


def write_picture(
    arrays: Sequence[Array],
    path: str,
    options: EncodeOptions,
    *,
    replace: bool,
    inputs: Inputs = NONE,
    durations: Sequence[int] = (),
) -> OutputFile:
    """Write a picture, or an animation.

    Args:
        arrays: uint8, H×W×3 or H×W×4, all of one shape; they are not modified.
        path: of the file; its suffix decides the format.
        options: encoder settings.
        replace: whether an existing file may be replaced.
        inputs: files that are never replaced.
        durations: of each frame in milliseconds, for an animation.

    Raises:
        CommitError: the file exists and may not be replaced.
        EncodeError: the format cannot hold it.
    """
    from imgpar.batch.picture.stages import encode

    fmt = find_format(path.rpartition(".")[2])
    _check_free(path, replace=replace, inputs=inputs)
    height, width, channels = arrays[0].shape
    spec = Spec(width, height, "RGBA" if channels == 4 else "RGB")
    header = Header(fmt.name, spec, frames=len(arrays), metadata=Metadata(durations=tuple(durations)))
    encoded = encode([Frame(spec, array) for array in arrays], header, fmt.name, options)
    return write_file(
        encoded.data, path, fmt.name, replace=replace, inputs=inputs, dimensions=(width, height)
    )


def write_file(
    data: bytes | bytearray | memoryview,
    path: str,
    kind: str,
    *,
    replace: bool,
    inputs: Inputs = NONE,
    dimensions: tuple[int, int] = (0, 0),
) -> OutputFile:
    """Write any bytes.

    Args:
        data: the content.
        path: of the file.
        kind: name of the format, for the result.
        replace: whether an existing file may be replaced.
        inputs: files that are never replaced.
        dimensions: width and height, for the result.

    Raises:
        CommitError: the file exists and may not be replaced.
    """
    from imgpar.outputs.commit import commit

    path = os.path.abspath(path)
    _sweep_once(os.path.dirname(path))
    exists = _check_free(path, replace=replace, inputs=inputs)
    return commit(
        data,
        Target(kind, path, replaces=exists),
        keep_times_of=None,
        fsync=False,
        dimensions=dimensions,
    )


@lru_cache(maxsize=64)
def _sweep_once(folder: str) -> None:
    """Remove temporary files of dead processes once per folder, not for every picture."""
    from imgpar.core.fs import sweep_temporary_files

    sweep_temporary_files(folder)


def _check_free(path: str, *, replace: bool, inputs: Inputs) -> bool:
    """Whether the file exists and may be replaced; raises CommitError where it may not."""
    exists = os.path.lexists(path)
    if exists and names_known_file(path, inputs):
        raise CommitError(f"{os.path.abspath(path)} is an input itself.", fix="Choose another OUT.")
    if exists and not replace:
        raise CommitError(f"{os.path.abspath(path)} already exists.", fix="Move it away, or use -y.")
    return exists


def write_sprites(
    found: Iterable[tuple[Sprites, Array]],
    folder: str,
    stem: str,
    suffix: str,
    options: EncodeOptions,
    *,
    replace: bool,
    inputs: Inputs = NONE,
) -> str:
    """Write `stem-sprites-1.suffix` …, and then the index `stem.vtt`.

    Args:
        found: from `sprites`.
        folder: of the files.
        stem: first part of their names.
        suffix: of a picture format, without a dot.
        options: encoder settings.
        replace: whether existing files may be replaced.
        inputs: files that are never replaced.

    Returns:
        A line that describes the files.

    Raises:
        CommitError: a file exists and may not be replaced.
        EncodeError: the format cannot hold a picture.
    """
    index = os.path.join(folder, f"{stem}.vtt")
    _check_free(index, replace=replace, inputs=inputs)
    names: list[str] = []
    facts: Sprites | None = None
    for each, array in found:
        facts = each
        path = os.path.join(folder, f"{stem}-sprites-{len(names) + 1}.{suffix}")
        made = write_picture([array], path, options, replace=replace, inputs=inputs)
        names.append(os.path.basename(made.path))
    assert facts is not None
    write_file(facts.vtt(names).encode(), index, "vtt", replace=replace, inputs=inputs)
    return f"{facts.tiles} sprites in {len(names)} {'picture' if len(names) == 1 else 'pictures'}, {index}"
