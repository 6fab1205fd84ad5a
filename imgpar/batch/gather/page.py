"""The file of one page of a document: a JPEG for a PDF, the bytes of the item where a page can show them as
they are, or a file without loss; or a TIFF."""

from __future__ import annotations

import numpy as np

from imgpar.batch.gather.lossless_page import has_few_colours, is_exact, lossless_page
from imgpar.batch.picture import outputs, reuse, stages
from imgpar.batch.picture.programs import Program
from imgpar.batch.run_spec import RunSpec
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats.base import detail_of
from imgpar.formats.jpeg.detail import JpegDetail
from imgpar.pixels.colour import profiles
from imgpar.pixels.colour.matrix_profiles import alike, parse_profile


def page_of(frame: Frame, data: bytes, header: Header, run: RunSpec) -> tuple[Frame, tuple[str, ...]]:
    """A frame of one row whose samples are the bytes of a JPEG, or of a file without loss; and the losses.

    Without loss are pictures of few colours, those that were stored so and that nothing changes, and all of
    them with `lossless`.

    Args:
        frame: the decoded and transformed item, in sRGB.
        data: the bytes of the item.
        header: of the item.
        run: recipe and limits of the run.

    Raises:
        EncodeError: it cannot be encoded.
    """
    options = run.encode
    if _fits(header, run):
        return _row(data), ()
    frame, lost = stages.without_alpha(frame, options)
    few = has_few_colours(frame, header, run.operations)
    if few or options.lossless or (_is_plain(run) and is_exact(data, header)):
        encoded = lossless_page(frame, options, few_colours=few)
    else:
        encoded = stages.encode([frame], Header("jpeg", frame.spec), "jpeg", options)
    return _row(encoded.data), (*lost, *encoded.lost)


def tiff_page(frame: Frame, program: Program, run: RunSpec, path: str) -> Frame:
    """A frame of one row whose samples are the bytes of a TIFF of one page: with profile, depth and
    descriptions of the item, and its compression where the writer has it.

    Args:
        frame: the decoded and transformed item, upright.
        program: that it went through.
        run: recipe and limits of the run.

    Raises:
        EncodeError: it cannot be encoded.
        TransformError: something is lost, and the run is strict.
    """
    header = program.header
    still = header.metadata._replace(durations=(), loop=0, pages=())
    kept = tuple(kind for kind in program.lost if kind not in ("frames", "pages"))
    # Pages of 16 bits may have to be changed to the byte order of the first one (`tiff.appending`).
    coding = header.coding._replace(packing="") if frame.spec.dtype != "uint8" else header.coding
    made = outputs.make(
        [frame], header._replace(frames=1, metadata=still, lost=kept, coding=coding), "tiff", run.encode,
        run.operations, reuse.SourceBytes(), path,
    )  # fmt: skip
    return _row(made.data)


def _row(data: bytes | bytearray | memoryview) -> Frame:
    array = np.frombuffer(data, np.uint8)
    return Frame(Spec(len(array), 1, "L"), array.reshape(1, -1, 1))


def _fits(header: Header, run: RunSpec) -> bool:
    """Whether a page can show the bytes of the item: an upright JPEG in sRGB that nothing changes."""
    if not _is_plain(run) or run.limits.accept_damaged or header.format != "jpeg":
        return False
    if detail_of(header, JpegDetail).rare:  # lossless, or of 12 bits: no viewer shows it
        return False
    return (
        header.orientation == 1 and header.spec.layout in ("L", "RGB", "RGBX") and _is_srgb(header.metadata)
    )


def _is_plain(run: RunSpec) -> bool:
    """Whether nothing asks for other pixels or another encoding of them."""
    options = run.encode
    return not (run.operations or options.quality or options.subsampling or options.progressive)


def _is_srgb(metadata: Metadata) -> bool:
    if not metadata.icc:
        return not metadata.cicp
    own, srgb = parse_profile(metadata.icc), parse_profile(profiles.srgb())
    return own is not None and srgb is not None and alike(own, srgb)
