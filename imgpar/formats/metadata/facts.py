"""What names, selection and labels need of metadata: date, camera, title, copyright and artist."""

from __future__ import annotations

from typing import NamedTuple

from imgpar.core.spec import Metadata
from imgpar.formats.metadata import reading
from imgpar.formats.metadata.dates import read_date, zone

_LONGEST = 2000
"""Characters of a value that are kept."""


class MetadataFacts(NamedTuple):
    """What a picture says about itself; empty is unknown."""

    taken: str = ""
    """ISO 8601, local time, with the offset from UTC where it is known."""
    camera: str = ""
    title: str = ""
    copyright: str = ""
    artist: str = ""


def facts_of_metadata(metadata: Metadata) -> MetadataFacts:
    """What the metadata of a picture say. Of several sources EXIF comes first, then XMP, then IPTC."""
    taken = reading.read_taken(metadata)
    texts = ["; ".join(reading.field_values(metadata, name)) for name in ("title", "copyright", "artist")]
    return MetadataFacts(
        taken.replace(microsecond=0).isoformat() if taken else "",
        reading.read_camera(metadata)[:_LONGEST],
        *(text[:_LONGEST] for text in texts),
    )


def timestamp(text: str, offset: str = "") -> str:
    """A date in the format of EXIF, XMP or a container, as ISO 8601; empty where it is none.

    >>> timestamp("2024:05:01 10:00:00", "+02:00"), timestamp("2024-05-01T10:00Z")
    ('2024-05-01T10:00:00+02:00', '2024-05-01T10:00:00+00:00')
    >>> timestamp("0000:00:00 00:00:00"), timestamp("2024:02:30 10:00:00")
    ('', '')
    """
    found = read_date(text)
    if found is None:
        return ""
    return found.replace(microsecond=0, tzinfo=found.tzinfo or zone(offset)).isoformat()
