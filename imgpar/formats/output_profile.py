"""The colour profile of an output, and the conversion it needs."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.core.blocks import Icc
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, Format
from imgpar.pixels.colour.icc_header import profile_space


def to_profile(
    frames: Sequence[Frame],
    metadata: Metadata,
    fmt: Format,
    options: EncodeOptions,
    *,
    grey: bool | None = None,
) -> tuple[list[Frame], Metadata, tuple[str, ...], tuple[str, ...]]:
    """Convert frames and metadata to the requested colour profile, or to one that the format can hold.

    Args:
        frames: H×W×C arrays, not modified.
        metadata: of the picture.
        fmt: format of the output.
        options: of the recipe.
        grey: whether the output is greyscale, if it differs from the frames: a profile for other channels is
            invalid, so pictures are converted first.

    Returns:
        Frames (new ones where changed), metadata, what is lost, and remarks.
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
    """A frame in sRGB, for callers that receive arrays without a profile; HDR is tone mapped. Also what is
    lost."""
    (made,), _, lost, _ = to_profile([frame], metadata, FORMATS["bmp"], EncodeOptions())
    return made, lost


def fitting_profile(metadata: Metadata, spec: Spec) -> tuple[Metadata, tuple[str, ...]]:
    """Drop a profile for other channels than those of the picture: readers reject or misread it."""
    if not metadata.icc or profile_space(metadata.icc) == ("GRAY" if spec.grey else "RGB"):
        return metadata, ()
    from imgpar.pixels.colour import matrix_profiles

    # Grey pixels look the same without a profile with the sRGB transfer function, whatever its primaries.
    content: bytes = metadata.icc
    named = b"sRGB" in content or b"s\0R\0G\0B" in content
    harmless = spec.grey and (named or matrix_profiles.has_curve_of_srgb(metadata.icc))
    return metadata._replace(icc=Icc()), () if harmless else ("icc",)


def _describes(icc: Icc, fmt: Format, *, grey: bool) -> bool:
    """Whether a profile can be kept with a grey or colour picture in this format."""
    return not icc or (fmt.grey_icc and grey if profile_space(icc) == "GRAY" else fmt.icc and not grey)
