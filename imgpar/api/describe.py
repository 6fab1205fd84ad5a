"""`imgpar.describe`: the properties of a file, from its header."""

from __future__ import annotations

import os

from imgpar.batch.describing import ANY_SIZE, PictureInfo, describe_file
from imgpar.core import parsing
from imgpar.core.error_messages import refuse_address
from imgpar.core.errors import naming
from imgpar.core.limits import Limits, Secret
from imgpar.inputs.one_file import check_file
from imgpar.video.clip_info import ClipInfo


def describe(path: str | os.PathLike[str], *, password: str | Secret | None = None) -> PictureInfo | ClipInfo:
    """Return the properties of a file. Of a picture only the header is decoded; of a clip the packets are
    counted.

    The file is read in this process. `Session.describe` reads files in worker processes: use it for files
    that you do not trust, since one that crashes or occupies its decoder is then one error.

    >>> import imgpar
    >>> info = imgpar.describe("photo.jpg")  # doctest: +SKIP
    >>> print(info.format, info.size)  # doctest: +SKIP
    jpeg (4000, 3000)

    Args:
        path: path of a picture or a clip; `Session.describe` takes addresses and archives, too.
        password: password of an encrypted PDF.

    Returns:
        A `PictureInfo` or a `ClipInfo`; both have `path`, `format`, `bytes`, `size` and `frames`, and
        `as_dict()`.

    Raises:
        UsageError: `path` is an address, or `path` or `password` has a wrong type.
        ItemError: the file cannot be read, or is neither a picture nor a clip.
    """
    name: str = parsing.named("path", parsing.path, path)
    refuse_address(name, "a file")
    secret = None if password is None else parsing.named("password", parsing.secret, password)
    with naming(name):
        check_file(name, "Session.describe reads folders and archives.")
        return describe_file(name, Limits(max_pixels=ANY_SIZE, password=secret))
