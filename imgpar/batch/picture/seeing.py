"""What a sink asks about the content of an input: its size, a checksum, EXIF as text."""

from __future__ import annotations

import hashlib
import io
import json
import logging

from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import ItemError
from imgpar.core.job import Seen, SeenWants
from imgpar.formats import codec

LONGEST = 1 << 16
"""Characters of EXIF as text; more is left out."""


def look_at(data: bytes, path: str, run: RunSpec, wants: SeenWants) -> Seen:
    """What is wanted of an input; unknown where its header cannot be read, as it then fails anyway."""
    checksum = hashlib.new(wants.checksum, data).hexdigest() if wants.checksum else ""
    try:
        header = codec.read_header(data, path, run.limits)
    except ItemError:
        return Seen(0, 0, checksum=checksum)
    width, height = header.spec.width, header.spec.height
    if header.orientation > 4 and not header.turned:
        width, height = height, width
    exif = exif_text(data) if wants.exif else ""
    return Seen(width, height, exif if len(exif) <= LONGEST else "", checksum)


def exif_text(data: bytes) -> str:
    """The EXIF of a picture as a JSON object: names and values as the package `exifread` words them.

    Thumbnails and makers' notes are left out. Empty where they cannot be read.
    """
    import exifread

    logging.getLogger("exifread").setLevel(logging.CRITICAL)
    try:
        tags = exifread.process_file(io.BytesIO(data), details=False)
        found = {name: str(value).strip() for name, value in tags.items() if value is not None}
        return json.dumps(found)
    except Exception:  # of a parser that trusts its input
        return ""
