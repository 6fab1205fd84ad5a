"""How much metadata a JPEG holds: EXIF and IPTC have one segment each, XMP may be split into several."""

from __future__ import annotations

from imgpar.core.errors import EncodeError
from imgpar.core.spec import Metadata
from imgpar.formats.jpeg.header import EXIF, SEGMENT
from imgpar.formats.metadata import iptc, xmp
from imgpar.formats.registry import Format


def check_room(before: Metadata, after: Metadata, fmt: Format) -> None:
    """Refuse edited metadata of which a block that fitted before does not fit any more.

    Without this the encoder would omit the whole block, and with it what was not edited.

    Args:
        before: the metadata before the change.
        after: the edited metadata.
        fmt: of the output.

    Raises:
        EncodeError: EXIF, XMP or IPTC would be too large.
    """
    if fmt.name != "jpeg":
        return
    for kind in ("exif", "xmp", "iptc"):
        old, new = getattr(before, kind), getattr(after, kind)
        if new != old and not _fits(kind, new) and _fits(kind, old):
            raise room_problem(kind, len(new))


def exif_fits(block: bytes, fmt: Format) -> bool:
    """Whether the format has room for this EXIF."""
    return fmt.name != "jpeg" or _fits("exif", block)


def room_problem(kind: str, nbytes: int) -> EncodeError:
    """The error for a block of metadata that is too large for a JPEG."""
    return EncodeError(
        f"Its {kind.upper()} would have {nbytes:,} bytes with the new fields, more than a JPEG holds"
        f" ({SEGMENT:,}).",
        fix="Set fewer fields or shorter texts, or choose another format.",
    )


def _fits(kind: str, block: bytes) -> bool:
    if kind == "exif":
        return len(EXIF) + len(block) <= SEGMENT
    if kind == "iptc":
        return len(iptc.PHOTOSHOP) + len(iptc.wrap(block)) <= SEGMENT
    return not block or bool(xmp.segments(block, SEGMENT))
