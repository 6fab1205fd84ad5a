"""Which colour profile a picture is written with, and whether its pixels have to go through another one."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.core.model import Frame, Metadata, Spec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, Format
from imgpar.pixels.colour.profiles import profile_space


def to_profile(
    frames: Sequence[Frame],
    metadata: Metadata,
    fmt: Format,
    options: EncodeOptions,
    *,
    grey: bool | None = None,
) -> tuple[list[Frame], Metadata, tuple[str, ...], tuple[str, ...]]:
    """Frames and metadata in the colours that `options` ask for, or that the format can hold.

    `grey` says whether the picture will be written as grey, where it is not written as it is: a profile
    for other channels than those that are written describes nothing, so pictures go through it first. Also
    returns what that loses, and remarks. Frames that change are new ones.
    """
    if options.colour is None and not (metadata.icc or metadata.cicp):
        return list(frames), metadata, (), ()
    if metadata.cicp and (options.colour is not None or not fmt.cicp):
        from imgpar.formats import profile_conversion

        return profile_conversion.from_hdr(frames, metadata, fmt, options.colour)
    grey = frames[0].spec.grey if grey is None else grey
    if options.colour is None and _describes(metadata.icc, fmt, grey=grey):
        return list(frames), metadata, (), ()
    from imgpar.formats import profile_conversion

    return profile_conversion.into_profile(frames, metadata, fmt, options.colour)


def srgb_frame(frame: Frame, metadata: Metadata) -> tuple[Frame, tuple[str, ...]]:
    """A frame in sRGB, for those who get numbers and no profile; HDR is tone mapped. Also what that loses."""
    (made,), _, lost, _ = to_profile([frame], metadata, FORMATS["bmp"], EncodeOptions())
    return made, lost


def fitting_profile(metadata: Metadata, spec: Spec) -> tuple[Metadata, tuple[str, ...]]:
    """Leave out a profile for other channels than the picture has: readers reject or misread it."""
    if not metadata.icc or profile_space(metadata.icc) == ("GRAY" if spec.grey else "RGB"):
        return metadata, ()
    from imgpar.pixels.colour import matrix_profiles

    # Grey pixels look the same without a profile that has the curve of sRGB, whatever its primaries are.
    named = b"sRGB" in metadata.icc or b"s\0R\0G\0B" in metadata.icc
    harmless = spec.grey and (named or matrix_profiles.has_curve_of_srgb(metadata.icc))
    return metadata._replace(icc=b""), () if harmless else ("icc",)


def _describes(icc: bytes, fmt: Format, *, grey: bool) -> bool:
    """Whether a profile can stay with a picture that is written as grey, or not, in this format."""
    return not icc or (fmt.grey_icc and grey if profile_space(icc) == "GRAY" else fmt.icc and not grey)
