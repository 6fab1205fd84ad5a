"""What the fields of the window offer. Any other size, quality, name or mark can be typed."""

from __future__ import annotations

RECIPES = ("web", "thumbnails", "archive", "social", "favicon")
"""The built-in recipes, in the order of the window."""
SEVERAL = ("social", "favicon")
"""Those with several outputs, each with its own size, format and name."""
FORMATS = ("jpg", "png", "webp", "avif", "tiff", "gif")
SIZES = (
    *("320", "640", "800", "1024", "1280", "1600", "1920", "2560", "3840"),
    *("width=800", "50%", "10x15cm", "A4"),
)
QUALITIES = ("95", "90", "82", "75", "60")
LARGEST = ("300 kB", "500 kB", "1 MB", "2 MB", "5 MB")
"""Sizes of the largest file."""
NAMES = {"name_date": "{date:%Y-%m-%d}_{stem}", "name_width": "{stem}-{width}"}
"""Templates of names, by the key of their text."""
MAKES = ("", "sheet", "pdf")
"""What is made: a file of each input, one contact sheet, one PDF."""
METADATA = ("", "keep", "gps", "none")
"""What is kept of the metadata: as the recipe says, all, all but the place,
nothing but the colour profile."""
MARKS = ("© {date:%Y}", "{copyright}", "{date:%Y-%m-%d}", "{stem}")
PLACES = ("southeast", "southwest", "northeast", "northwest", "south", "north", "centre")
"""Where a watermark is placed."""
