"""What codecs refuse, and how they say it."""

from __future__ import annotations

import sys
import zlib

import numpy as np
import pytest
from codec_pictures import LIMITS, WRITABLE, picture, read, written
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageCms

from imgpar.core.blocks import Icc
from imgpar.core.errors import (
    DamagedError,
    ItemError,
    LimitError,
    MissingExtraError,
    UnknownFormatError,
    UnsupportedError,
)
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.codec import decode, read_header, storable
from imgpar.formats.registry import FORMATS


class TestRefusing:
    @pytest.mark.parametrize("name", WRITABLE)
    def test_a_truncated_file_is_damaged(self, name: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (48, 64, 4), np.uint8)
        noise[..., 3] = 255
        spec, _ = storable(Spec(64, 48, "RGBX"), FORMATS[name])
        data = written(Frame(spec, np.ascontiguousarray(noise[..., : spec.channels])), name)
        for part in (0.5, 0.9):
            with pytest.raises(DamagedError):
                read(data[: int(len(data) * part)])

    @pytest.mark.parametrize("name", ["jpeg", "png", "gif"])
    def test_a_truncated_file_can_be_accepted(self, name: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)
        noise[..., 3] = 255
        data = written(Frame(Spec(64, 64, "RGBX"), noise), name)
        _, (whole,) = read(data)
        _, (array,) = read(data[: len(data) * 3 // 4], accept_damaged=True)
        assert (array[:16] == whole[:16]).all()

    def test_a_sixteen_bit_png_without_its_end_is_damaged(self) -> None:
        noise = np.random.default_rng(0).integers(0, 65536, (48, 64, 3), np.uint16)
        data = written(Frame(Spec(64, 48, "RGB", "uint16"), noise), "png")
        with pytest.raises(DamagedError):
            read(data[: len(data) // 2])

    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    def test_a_png_without_its_last_chunk_is_damaged_though_all_pixels_are_there(self, dtype: str) -> None:
        data = written(picture("RGB", dtype), "png")
        with pytest.raises(DamagedError, match="before its last chunk"):
            read(data[:-12])
        _, (array,) = read(data[:-12], accept_damaged=True)
        assert (array[..., :3] == picture("RGB", dtype).array).all()

    def test_a_bomb_is_refused_by_its_header(self) -> None:
        data = bytearray(written(picture(), "png"))
        data[16:24] = (32000).to_bytes(4, "big") * 2
        data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
        with pytest.raises(LimitError, match=r"32000×32000 = 1,024,000,000 .* --max-pixels 1024000000"):
            read_header(bytes(data), "", LIMITS)

    @pytest.mark.parametrize("name", sorted({*WRITABLE} - {"ico"}))  # icons have sizes of their own
    def test_the_limit_counts_pixels_of_every_format(self, name: str) -> None:
        spec, _ = storable(Spec(64, 48, "RGBX"), FORMATS[name])
        data = written(picture(spec.layout), name)
        with pytest.raises(LimitError, match="3,072"):
            read_header(data, "", Limits(max_pixels=3071))
        assert read_header(data, "", Limits(max_pixels=3072)).spec.size == (64, 48)

    def test_too_many_frames_are_refused(self) -> None:
        frames = [picture(shift=40 * number) for number in range(3)]
        data = written(frames, "gif", Metadata(durations=(100,) * 3))
        with pytest.raises(LimitError, match="3 frames"):
            read_header(data, "", Limits(max_frames=2))

    def test_a_gif_frame_far_beyond_its_canvas_is_refused(self) -> None:
        frames = [picture(shift=40 * number) for number in range(2)]
        data = bytearray(written(frames, "gif", Metadata(durations=(100, 100))))
        second = data.rindex(b"\x2c\0\0\0\0")
        data[second + 1 : second + 3] = (60000).to_bytes(2, "little")
        with pytest.raises(DamagedError, match="far beyond the canvas"):
            read_header(bytes(data), "", Limits(max_pixels=10_000))

    def test_a_hierarchical_jpeg_is_of_a_rare_kind_not_damaged(self) -> None:
        data = bytearray(written(picture(), "jpeg"))
        data[data.index(b"\xff\xc0") + 1] = 0xC5
        with pytest.raises(UnsupportedError, match="process 5"):
            read_header(bytes(data), "", LIMITS)

    def test_text_named_as_a_picture_is_unknown(self) -> None:
        with pytest.raises(UnknownFormatError, match="its name says JPEG"):
            read_header(b"hello, world", "a.jpg", LIMITS)

    def test_an_empty_file_is_named_so(self) -> None:
        with pytest.raises(DamagedError, match="empty"):
            read_header(b"", "a.jpg", LIMITS)

    def test_a_clip_says_that_it_is_one(self) -> None:
        with pytest.raises(ItemError, match="clip"):
            read_header(b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "a.mp4", LIMITS)

    def test_a_missing_extra_names_the_exact_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "imagecodecs", None)
        with pytest.raises(MissingExtraError, match="-m pip install imagecodecs"):
            read_header(b"\xff\x0a\xfa\x00", "a.jxl", LIMITS)

    def test_a_frame_of_another_size_is_a_mistake_of_the_caller(self) -> None:
        data = written(picture(), "png")
        header = read_header(data, "", LIMITS)
        wrong = Frame(header.spec.resized(9, 9), np.zeros((9, 9, 4), np.uint8))
        with pytest.raises(ValueError, match="header says"):
            decode(data, header, [wrong])

    def test_a_broken_profile_of_a_png_costs_the_profile_only(self) -> None:
        data = written(
            picture(),
            "png",
            Metadata(icc=Icc(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())),
        )
        at = data.index(b"iCCP")
        broken = data[: at + 20] + b"\xff\xff\xff\xff" + data[at + 24 :]
        header, (array,) = read(broken)
        assert header.metadata.icc == b""
        assert header.notes
        assert (array == picture().array).all()


SEEDS = [
    written(picture(storable(Spec(64, 48, "RGBX"), FORMATS[n])[0].layout, width=9, height=7), n)
    for n in WRITABLE
]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.data(),
)
def test_any_bytes_are_a_picture_or_an_item_error(
    seed: bytes, changes: list[tuple[int, int]], more: st.DataObject
) -> None:
    data = bytearray(seed[: more.draw(st.integers(0, len(seed)))])
    for at, value in changes:
        if at < len(data):
            data[at] = value
    try:
        header = read_header(bytes(data), "a.tga", Limits(max_pixels=10_000, max_frames=5))
        read(bytes(data), header=header)
    except ItemError:
        pass


@pytest.mark.parametrize("junk", [b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n", bytes(4000)])
def test_junk_before_a_jpeg_is_told_with_the_command_that_cuts_it_off(junk: bytes) -> None:
    """Pillow, libvips and libjpeg refuse such files too."""
    with pytest.raises(UnknownFormatError, match=f"begins at byte {len(junk):,}") as caught:
        read_header(junk + written(picture("RGB"), "jpeg"), "a.jpg", LIMITS)
    assert f"tail -c +{len(junk) + 1} FILE" in caught.value.fix
