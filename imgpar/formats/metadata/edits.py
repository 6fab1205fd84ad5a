"""What is to be changed in metadata, from the settings of the encoder."""

from __future__ import annotations

from typing import NamedTuple

from imgpar.formats.metadata.dates import Shift
from imgpar.formats.metadata.fields import NewFields
from imgpar.formats.metadata.gpx import GpxTrack


class MetadataEdits(NamedTuple):
    """What is to be changed in metadata."""

    fields: NewFields = NewFields()
    shift: Shift | None = None
    track: GpxTrack | None = None
    gap: float = 600.0
    """Most seconds between two points of the track around a picture."""
    offset: str = ""
    """Difference of the camera's clock from UTC; empty is that of each picture."""
