"""Pictures into the profile that is wanted, or that a format can hold, with metadata that are true of it."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.core.model import Frame, Metadata
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.options import ColourTarget
from imgpar.formats.registry import Format
from imgpar.pixels.colour import convert, hdr, matrix_profiles, profiles
from imgpar.pixels.colour.cicp import NAMES

_COLOUR_SPACE = 0xA001


def into_profile(
    frames: Sequence[Frame], metadata: Metadata, fmt: Format, wanted: ColourTarget | None
) -> tuple[list[Frame], Metadata, tuple[str, ...], tuple[str, ...]]:
    """The frames in the profile that is wanted, or in sRGB where the format holds no profile.

    Returns frames (new ones, where something had to be done), the metadata that fit them, what was lost
    and remarks. A picture without a profile is sRGB.
    """
    target = _target(wanted)
    source = metadata.icc or profiles.srgb()
    if frames[0].spec.grey and not matrix_profiles.has_curve_of_srgb(target):
        # Without a profile, which is one for colours, grey would look different.
        frames = [convert.in_colour(frame) for frame in frames]
    kept = metadata._replace(icc=_embedded(target, fmt), exif=tagged(metadata.exif, target))
    if source == target or convert.is_same(source, target):
        return list(frames), kept, (), ()
    if not convert.is_usable(source, target):
        note = "the colour profile cannot be used, taken as sRGB"
        return list(frames), kept, ("icc",), (note,)
    lost: tuple[str, ...] = ("gamut",) if convert.is_outside(frames[0], source, target) else ()
    changed = [convert.convert_profile(frame, source, target) for frame in frames]
    if not convert.keeps_depth(frames[0].spec, source, target):
        lost += ("depth",)
    return changed, kept, lost, ()


def from_hdr(
    frames: Sequence[Frame], metadata: Metadata, fmt: Format, wanted: ColourTarget | None
) -> tuple[list[Frame], Metadata, tuple[str, ...], tuple[str, ...]]:
    """The same for a picture whose code points say PQ or HLG: tone mapped to sRGB, or to P3 where that is
    wanted; from there into the profile of a file."""
    p3 = wanted is not None and (wanted.name == "p3" or bool(wanted.icc)) and fmt.icc
    middle = profiles.display_p3() if p3 else profiles.srgb()
    shown = hdr.to_sdr(frames, metadata.cicp, middle)
    note = f"{NAMES[metadata.cicp[1]]} was tone mapped (BT.2390), {hdr.WHITE:g} cd/m² are white"
    described = metadata._replace(icc=middle if p3 else b"", cicp=())
    changed, kept, lost, notes = into_profile(shown, described, fmt, wanted)
    return changed, kept, ("hdr", *lost), (note, *notes)


def _target(wanted: ColourTarget | None) -> bytes:
    if wanted is not None and wanted.icc:
        return wanted.icc
    return profiles.display_p3() if wanted is not None and wanted.name == "p3" else profiles.srgb()


def _embedded(target: bytes, fmt: Format) -> bytes:
    """sRGB is what every reader assumes, so it needs no profile."""
    return b"" if not fmt.icc or target == profiles.srgb() else target


def tagged(exif: bytes, target: bytes = b"") -> bytes:
    """EXIF that is true of the profile: 1 for sRGB, which is the default, and 65535 for everything else."""
    block = bytearray(exif)
    detail = tiff.sub_ifd(block, tiff.first_ifd(block), tiff.EXIF_IFD)
    tiff.set_number(block, detail, _COLOUR_SPACE, 1 if target in (b"", profiles.srgb()) else 65535)
    return bytes(block)
