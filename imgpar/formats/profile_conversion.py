"""Conversion of pictures to the requested profile, or to one that a format can hold, with matching
metadata."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.core.blocks import Exif, Icc
from imgpar.core.spec import Frame, Metadata
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata.exif_draft import Draft
from imgpar.formats.option_values import ColourTarget
from imgpar.formats.registry import Format
from imgpar.pixels.colour import convert, hdr, matrix_profiles, profiles
from imgpar.pixels.colour.cicp import NAMES

_COLOUR_SPACE = 0xA001


def into_profile(
    frames: Sequence[Frame], metadata: Metadata, fmt: Format, wanted: ColourTarget | None
) -> tuple[list[Frame], Metadata, tuple[str, ...], tuple[str, ...]]:
    """Convert frames to the requested profile, or to sRGB where the format holds no profile.

    A picture without a profile is sRGB.

    Args:
        frames: H×W×C arrays, not modified.
        metadata: of the picture.
        fmt: format of the output.
        wanted: the requested profile, if any.

    Returns:
        Frames (new ones where changed), matching metadata, what is lost, and remarks.
    """
    target = _target(wanted)
    source = metadata.icc or profiles.srgb()
    if frames[0].spec.grey and not matrix_profiles.has_curve_of_srgb(target):
        # Without a profile, which is one for RGB, grey would look different.
        frames = [convert.in_colour(frame) for frame in frames]
    # sRGB is the default of every reader, so it needs no profile.
    embedded = Icc() if not fmt.icc or target == profiles.srgb() else target
    kept = metadata._replace(icc=embedded, exif=tagged(metadata.exif, target))
    if source == target or convert.is_same(source, target):
        return list(frames), kept, (), ()
    if not convert.is_usable(source, target):
        note = "the colour profile cannot be used, taken as sRGB"
        return list(frames), kept, ("icc",), (note,)
    lost: tuple[str, ...] = ("gamut",) if convert.is_outside(frames[0], source, target) else ()
    changed = [convert.converted(frame, source, target) for frame in frames]
    if not convert.keeps_depth(frames[0].spec, source, target):
        lost += ("depth",)
    return changed, kept, lost, ()


def from_hdr(
    frames: Sequence[Frame], metadata: Metadata, fmt: Format, wanted: ColourTarget | None
) -> tuple[list[Frame], Metadata, tuple[str, ...], tuple[str, ...]]:
    """Tone map a PQ or HLG picture to sRGB, or to P3 if requested; then convert it to the profile of a file.

    Args:
        frames: H×W×C arrays, not modified.
        metadata: with `cicp` set.
        fmt: format of the output.
        wanted: the requested profile, if any.

    Returns:
        Frames, matching metadata, what is lost, and remarks.
    """
    p3 = wanted is not None and (wanted.name == "p3" or bool(wanted.icc)) and fmt.icc
    middle = profiles.display_p3() if p3 else profiles.srgb()
    shown = hdr.to_sdr(frames, metadata.cicp, middle)
    note = f"{NAMES[metadata.cicp[1]]} was tone mapped (BT.2390), {hdr.WHITE:g} cd/m² are white"
    described = metadata._replace(icc=middle if p3 else Icc(), cicp=())
    changed, kept, lost, notes = into_profile(shown, described, fmt, wanted)
    return changed, kept, ("hdr", *lost), (note, *notes)


def _target(wanted: ColourTarget | None) -> Icc:
    if wanted is not None and wanted.icc:
        return wanted.icc
    return profiles.display_p3() if wanted is not None and wanted.name == "p3" else profiles.srgb()


def tagged(exif: Exif, target: bytes = b"") -> Exif:
    """EXIF with the colour space of the profile: 1 for sRGB, the default, and 65535 for all others."""
    draft = Draft(exif)
    number = 1 if target in (b"", profiles.srgb()) else 65535
    draft.set_number(draft.sub_ifd(tiff.EXIF_IFD), _COLOUR_SPACE, number)
    return draft.finished()
