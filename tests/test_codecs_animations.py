"""Animations and pages, read and written."""

from __future__ import annotations

import numpy as np
import pytest
from codec_pictures import LIMITS, picture, read, saved, written
from PIL import Image

from imgpar.codecs import (
    FORMATS,
    EncodeOptions,
    decode,
    encode,
    read_header,
)
from imgpar.model import Frame, Metadata


class TestAnimations:
    @pytest.mark.parametrize("layout", ["RGBX", "RGBA"])
    @pytest.mark.parametrize("name", ["gif", "webp", "png", "avif"])
    def test_frames_and_times_come_back(self, name: str, layout: str) -> None:
        frames = [picture(layout, shift=40 * number) for number in range(3)]
        if layout == "RGBA":
            for number, frame in enumerate(frames):
                frame.array[..., 3] = 255
                frame.array[10 * number : 10 * number + 8, :20] = 0
        metadata = Metadata(durations=(100, 250, 40), loop=3)
        header, arrays = read(written(frames, name, metadata, quality=95))
        assert header.frames == 3
        assert header.metadata.durations == (100, 250, 40)
        assert header.metadata.loop == (0 if name == "avif" else 3)
        for frame, array in zip(frames, arrays, strict=True):
            if layout == "RGBA":
                assert np.abs(array[..., 3].astype(int) - frame.array[..., 3]).max() < 30
            shown = frame.array[..., 3:] > 128
            assert (np.abs(array.astype(int) - frame.array) * shown)[..., :3].mean() < 6

    def test_only_the_first_frame_is_filled_when_one_is_given(self) -> None:
        frames = [picture(shift=40 * number) for number in range(3)]
        data = written(frames, "webp", Metadata(durations=(100,) * 3), lossless=True)
        header = read_header(data, "", LIMITS)
        frame = Frame(header.spec, np.zeros(header.spec.shape, np.uint8))
        decode(data, header, [frame])
        assert (frame.array == frames[0].array).all()

    def test_a_still_format_keeps_the_first_frame_and_says_so(self) -> None:
        frames = [picture(shift=40 * number) for number in range(3)]
        encoded = encode(frames, FORMATS["jpeg"], Metadata(durations=(100,) * 3), EncodeOptions())
        assert encoded.lost == ("frames",)
        assert read_header(encoded.data, "", LIMITS).frames == 1

    def test_alike_pages_of_a_tiff_are_frames(self) -> None:
        frames = [picture("RGB", shift=40 * number) for number in range(3)]
        header, arrays = read(written(frames, "tiff"))
        assert header.metadata.durations == ()
        assert [
            (array[..., :3] == frame.array).all() for frame, array in zip(frames, arrays, strict=True)
        ] == [True] * 3

    def test_pages_of_other_sizes_are_named_as_lost(self) -> None:
        pages = [Image.new("L", (8, 8)), Image.new("L", (9, 9))]
        header = read_header(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "", LIMITS)
        assert (header.frames, header.lost) == (1, ("pages",))

    def test_pages_do_not_become_an_animation(self) -> None:
        frames = [picture(shift=40 * number) for number in range(3)]
        encoded = encode(frames, FORMATS["webp"], Metadata(), EncodeOptions())
        assert encoded.lost == ("pages",)

    def test_gif_times_are_rounded_so_that_their_sum_stays(self) -> None:
        frames = [picture(shift=40 * number) for number in range(4)]
        header = read_header(written(frames, "gif", Metadata(durations=(33, 33, 33, 33))), "", LIMITS)
        assert abs(sum(header.metadata.durations) - 132) <= 5
