"""The files of pictures out of clips: each appears whole, and nothing that is there is replaced unasked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from imgpar.batch.frames.reading import ClipFrame
from imgpar.batch.frames.sheets import Sprites
from imgpar.core.errors import CommitError
from imgpar.core.model import (
    Frame,
    Header,
    Metadata,
    OutputFile,
    Spec,
    Target,
)
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import find_format
from imgpar.outputs.sidefiles import names_known_file

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Inputs = frozenset[tuple[int, int]]
"""The inputs, as `sidefiles.identities` knows them: they are never replaced."""
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
    """Write frames as `stem-000123.suffix`, the number being that of the frame."""
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
    """Write one picture, or an animation with milliseconds per frame.

    Raises:
        CommitError: something is there already and may not be replaced.
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
        data: the bytes.
        path: their place.
        kind: of file, in a word.
        replace: whether what is there may be replaced.
        inputs: what may not in any case.
        dimensions: are only passed on.

    Raises:
        CommitError: something is there already and may not be replaced.
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
    """A clip may give thousands of pictures to one folder."""
    from imgpar.core.fs import sweep_temporary_files

    sweep_temporary_files(folder)


def _check_free(path: str, *, replace: bool, inputs: Inputs) -> bool:
    """Whether something is there that may be replaced."""
    exists = os.path.lexists(path)
    if exists and names_known_file(path, inputs):
        raise CommitError(f"{os.path.abspath(path)} is an input itself.", fix="Choose another OUT.")
    if exists and not replace:
        raise CommitError(f"{os.path.abspath(path)} is there already.", fix="Move it away, or say -y.")
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
    """Write `stem-sprites-1.suffix` … and, last, `stem.vtt`, which names them; returns words for what was
    written. Raises as `write_picture` does."""
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
