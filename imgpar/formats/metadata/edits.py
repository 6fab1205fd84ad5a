"""What is to be changed in metadata, from the settings of the encoder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from imgpar.core.templates import Value
from imgpar.formats.metadata.dates import Shift, in_zone
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

    def applied(self, values: Mapping[str, Value], *, clip: bool = False) -> dict[str, Value]:
        """Values for templates as they are after the change.

        >>> edits = MetadataEdits(NewFields((("artist", "Ada"), ("copyright", "© {artist}"))), Shift(86400))
        >>> found = edits.applied({"date": datetime(2024, 5, 1), "artist": "", "copyright": ""})
        >>> found["date"].day, found["copyright"]
        (2, '© Ada')

        Args:
            values: before the change, by field (`fields.FACTS`).
            clip: whether they are those of a clip, whose times are UTC where they name no zone.
        """
        found = self.fields.applied({**values, "date": self.shifted(values.get("date"))})
        date = found.get("date")
        if self.track and isinstance(date, datetime):
            moment = in_zone(date, "+00:00" if clip and not date.tzinfo else "" if clip else self.offset)
            place = self.track.at(moment, self.gap) if moment else None
            found["gps"] = place.words if place else found.get("gps")
        return found

    def shifted(self, date: Value) -> datetime | None:
        """A date after the shift; None for none."""
        if not isinstance(date, datetime):
            return None
        return (self.shift and self.shift.added(date)) or date

    def date_in_names(self, date: datetime | None) -> datetime | None:
        """The date of the output, on which its name depends; one that is removed still names it."""
        new = self.fields.applied({"date": None})["date"]
        return new if isinstance(new, datetime) else self.shifted(date)
