"""The records of the formats: light, as they are read whenever a suffix is unknown."""

from imgpar.plugin import Format

IMGPAR_API = 1

FARBFELD = Format(
    "farbfeld",
    "farbfeld",
    ("ff",),
    "image/x-farbfeld",
    magic=((0, b"farbfeld"),),
    readers=("imgpar_example.farbfeld",),
    writers=("imgpar_example.farbfeld",),
    layouts=("RGBA",),
    dtypes=("uint16",),
    alpha=True,
    lossless="always",
)
