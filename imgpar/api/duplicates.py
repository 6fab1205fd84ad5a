"""`imgpar.duplicates`: files with equal content, and pictures that look alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from imgpar.api.settings import AnyInputs, given_inputs
from imgpar.api.typed import DuplicatesSettings
from imgpar.batch.duplicates import DISTANCE, KEEP, Duplicates, Keep, find_duplicates
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import DUPLICATES, in_session
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.inputs.sources import Source
from imgpar.runtime.scheduler import CancelToken

MOST = 12
"""The largest distance: beyond it most pairs are different pictures."""


def duplicates(
    inputs: AnyInputs,
    *,
    distance: int | None = DISTANCE,
    keep: Keep = "best",
    session: Workers | None = None,
    cancel: CancelToken | None = None,
    **settings: Unpack[DuplicatesSettings],
) -> Duplicates:
    """Find files with equal content and pictures that look alike. Nothing is changed.

    Pictures look alike if their perceptual hashes (64 bits, of the luma of 32×32 samples) differ in few bits,
    the mean colours of their quadrants by at most 40 of 255, and their width / height by at most a tenth.
    Copies in another size, format or quality are found; crops and turned copies are not. Of a clip only the
    content is compared.

    >>> import imgpar
    >>> found = imgpar.duplicates("photos/")  # doctest: +SKIP
    >>> for group in found.groups:  # doctest: +SKIP
    ...     print(group.kept.path, [file.path for file in group.others])

    Args:
        inputs: files, folders (recursive), globs, archives, sources.
        distance: bits in which the hashes may differ, 0 to 12; None finds equal contents only, which reads
            only files of equal size.
        keep: which file of a group is suggested: "best" (most pixels, then lossless, then the higher quality
            of a JPEG, then the larger file), "largest" (in bytes), "oldest", "newest" (when it was taken,
            else modified) or "first" (in the order of the inputs).
        session: workers to use; None starts some for this call.
        cancel: stops it; what was read until then is compared.
        settings: `jobs`, `memory`, `worker_memory`, `timeout`, `max_pixels`, `max_frames`, `password`,
            `include`, `exclude`, `where`, `sort`, `reverse`. A session has its own `memory` and
            `worker_memory`.

    Returns:
        The groups in the order of their first files, and the files that could not be read.

    Raises:
        UsageError: a setting is invalid, or no input exists.
        NoInputError: no input matched.
    """
    (in_session(DUPLICATES) if session else DUPLICATES).check(settings)
    far = None if distance is None else parsing.named("distance", parsing.integer(0, MOST), distance)
    kept: Keep = parsing.named("keep", parsing.choice(*KEEP), keep)
    options = RunOptions.read(settings)
    token = cancel or CancelToken()
    return find(given_inputs(inputs), options, token, distance=far, keep=kept, session=session)


def find(
    names: Iterable[str | Source],
    options: RunOptions,
    token: CancelToken,
    *,
    distance: int | None,
    keep: Keep,
    session: Workers | None = None,
) -> Duplicates:
    """The same with checked settings, for the command line."""
    if session is not None:
        return find_duplicates(session, names, options, token, distance=distance, keep=keep)
    with Workers(options.jobs, options.memory, worker_memory=options.worker_memory) as workers:
        return find_duplicates(workers, names, options, token, distance=distance, keep=keep)
