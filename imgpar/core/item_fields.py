"""What templates of texts know of an input: fields of its metadata, and its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from imgpar.core.templates import Field, Value

FACTS: tuple[Field, ...] = (
    Field("date", "date", "when it was taken", "{date:%Y-%m-%d}"),
    Field("filename", "text", "name of the input", "IMG_1.jpg"),
    Field("stem", "text", "name without its suffix", "IMG_1"),
    Field("copyright", "text", "copyright notice", "© Ada"),
    Field("artist", "text", "creator", "Ada"),
    Field("title", "text", "title", "Sunrise"),
    Field("description", "text", "caption", "A lake"),
    Field("city", "text", "city", "Vienna"),
    Field("country", "text", "country", "Austria"),
    Field("gps", "text", "latitude and longitude", "48.20820, 16.37380"),
    Field("camera", "text", "maker and model", "NIKON Z 6"),
    Field("lens", "text", "model of the lens", "NIKKOR Z 50mm f/1.8 S"),
    Field("exposure", "text", "time, aperture and sensitivity", "1/250 s f/2.8 ISO 100"),
)
"""Their values are read from the metadata of a picture or the tags of a clip."""
SIZES: tuple[Field, ...] = (
    Field("width", "number", "width in pixels", "1920"),
    Field("height", "number", "height in pixels", "1080"),
)
"""Known where a frame is drawn on."""
_DATES = frozenset(field.name for field in FACTS if field.kind == "date")


def as_texts(details: Mapping[str, Value]) -> tuple[tuple[str, str], ...]:
    """Values as plain data, without missing ones."""
    return tuple(
        (name, value.isoformat() if isinstance(value, datetime) else str(value))
        for name, value in details.items()
        if value not in (None, "")
    )


def from_texts(texts: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """The values that `as_texts` has written.

    >>> from_texts(as_texts({"date": datetime(2024, 5, 1), "title": "Sea"}))
    {'date': datetime.datetime(2024, 5, 1, 0, 0), 'title': 'Sea'}
    """
    return {name: datetime.fromisoformat(text) if name in _DATES else text for name, text in texts}
