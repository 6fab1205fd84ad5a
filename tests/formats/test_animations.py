"""Animations and pages, read and written."""

from __future__ import annotations

import io

import numpy as np
import pytest
from codec_pictures import LIMITS, picture, read, saved, written
from PIL import Image

from imgpar import Pipeline
from imgpar.core.errors import BadValueError, NoSuchPageError, TransformError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.codec import decode, encode, read_header
from imgpar.formats.option_values import page_range
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS


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
            assert (np.abs(array.astype(int) - frame.array) * shown)[..., :3].mean() < (
                7 if name == "gif" else 6
            )

    def test_how_often_an_avif_plays_is_named(self) -> None:
        frames = [picture(shift=40 * number) for number in range(2)]
        for loop, lost in ((0, ()), (1, ("loop count",)), (3, ("loop count",))):
            metadata = Metadata(durations=(100, 100), loop=loop)
            assert encode(frames, FORMATS["avif"], metadata, EncodeOptions(effort=0)).lost == lost

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


class TestPages:
    @staticmethod
    def scan(*sizes: tuple[int, int]) -> bytes:
        pages = [Image.new("RGB", size, (40 * number, 9, 9)) for number, size in enumerate(sizes, 1)]
        return saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])

    @pytest.mark.parametrize(
        ("pages", "reds"),
        [
            ("", [40, 80, 120]),
            ("2", [80]),
            ("2-3", [80, 120]),
            ("1", [40]),
            ("1,3", [40, 120]),
            ("2-", [80, 120]),
            ("-2", [40, 80]),
            ("last", [120]),
            ("2-9", [80, 120]),
        ],
    )
    def test_a_range_of_pages_is_read(self, pages: str, reds: list[int]) -> None:
        data = self.scan((8, 6), (8, 6), (8, 6))
        header, arrays = read(data, header=read_header(data, "", Limits(pages=pages)))
        assert [int(array[0, 0, 0]) for array in arrays] == reds
        assert header.lost == ()

    def test_a_page_of_another_size_can_be_chosen(self) -> None:
        data = self.scan((8, 6), (5, 4))
        header, (array,) = read(data, header=read_header(data, "", Limits(pages="2")))
        assert header.spec.size == (5, 4)
        assert array[0, 0, 0] == 80

    @pytest.mark.parametrize(("pages", "durations"), [("1,3", (50, 90)), ("2-", (70, 90)), ("2", ())])
    def test_frames_of_an_animation_keep_their_durations(
        self, pages: str, durations: tuple[int, ...]
    ) -> None:
        frames = [Image.new("RGB", (8, 6), (40 * number, 9, 9)) for number in (1, 2, 3)]
        data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=[50, 70, 90])
        assert read_header(data, "", Limits(pages=pages)).metadata.durations == durations

    def test_a_page_that_is_not_there_is_named(self) -> None:
        with pytest.raises(NoSuchPageError, match="It has 2 pages; 3 was requested"):
            read_header(self.scan((8, 6), (8, 6)), "", Limits(pages="3"))

    @pytest.mark.parametrize("value", ["0", "5-2", "", True, "-", "1,,2", "split,2", "1-2-3"])
    def test_a_wrong_range_is_refused(self, value: object) -> None:
        with pytest.raises(BadValueError, match="range such as 2-5"):
            page_range(value)

    def test_a_conversion_takes_the_page_that_was_named(self) -> None:
        data = Pipeline().encode(self.scan((8, 6), (8, 6)), to="png", pages="2")
        assert Image.open(io.BytesIO(data)).convert("RGB").getpixel((0, 0)) == (80, 9, 9)


def moving_gif(disposal: int) -> bytes:
    """Three frames of which the later ones only cover a part; what happens to the rest is the disposal's."""
    frames = []
    for number, colour in enumerate([(250, 0, 0), (0, 250, 0), (0, 0, 250)]):
        image = Image.new("RGBA", (32, 24), (0, 0, 0, 0))
        image.paste((*colour, 255), (8 * number, 4, 8 * number + 10, 20))
        frames.append(image)
    return saved(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=[70, 120, 300], loop=2,
        disposal=disposal,
    )  # fmt: skip


@pytest.mark.parametrize("disposal", [1, 2])
@pytest.mark.parametrize("name", ["webp", "png", "avif", "gif"])
def test_an_animation_looks_the_same_in_every_format(name: str, disposal: int) -> None:
    """Pillow composes both the source and the result."""
    source = moving_gif(disposal)
    settings = {"quality": 100} if name == "avif" else {"lossless": True}
    result = Image.open(io.BytesIO(Pipeline().encode(source, to=name, **settings)))
    assert result.n_frames == 3
    durations = []
    with Image.open(io.BytesIO(source)) as before:
        for number in range(3):
            before.seek(number)
            result.seek(number)
            result.load()
            durations.append(result.info["duration"])
            one, other = (np.asarray(image.convert("RGBA")).astype(int) for image in (before, result))
            assert np.abs(one[..., 3] - other[..., 3]).max() <= 1
            seen = one[..., 3] > 0
            assert np.abs(one[seen] - other[seen]).max() <= (12 if name == "avif" else 0)
    assert durations == [70, 120, 300]
    if name != "avif":  # it has no number of rounds
        # GIF counts the rounds after the first.
        assert result.info["loop"] == (2 if name == "gif" else 3)


def test_the_open_canvas_of_a_webp_is_transparent_whatever_its_flag_says() -> None:
    data = bytearray(Pipeline().encode(moving_gif(2), to="webp", lossless=True))
    data[20] &= ~0x10 & 0xFF
    header, arrays = read(bytes(data))
    assert header.spec.layout == "RGBA"
    assert [int(array[0, 0, 3]) for array in arrays] == [0, 0, 0]
    assert [int(array[12, 4 + 8 * number, 3]) for number, array in enumerate(arrays)] == [255] * 3


class TestOnePalette:
    """A clip as GIF: noise on the left that moves, a still gradient on the right."""

    @pytest.fixture
    def frames(self) -> list[Frame]:
        random = np.random.default_rng(5)
        y, x = np.mgrid[0:64, 0:96]
        still = np.stack([x * 2.6, y * 3.9, 255 - x - y], axis=2).clip(0, 255).astype(np.uint8)
        frames = []
        for _ in range(6):
            array = still.copy()
            array[:, :32] = random.integers(0, 256, (64, 32, 3))
            frames.append(Frame(Spec(96, 64, "RGB"), array))
        return frames

    def test_what_is_still_stays_still(self, frames: list[Frame]) -> None:
        _, arrays = read(written(frames, "gif", Metadata(durations=(80,) * 6)))
        assert all((array[:, 32:] == arrays[0][:, 32:]).all() for array in arrays)
        assert all((array[:, :32] != arrays[0][:, :32]).any() for array in arrays[1:])

    def test_the_picture_is_that_of_the_clip(self, frames: list[Frame]) -> None:
        """From a distance, where dithering cannot be seen."""
        _, arrays = read(written(frames, "gif", Metadata(durations=(80,) * 6)))
        for frame, array in zip(frames, arrays, strict=True):
            blocks = [
                each[:, 32:, :3].reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)) for each in (frame.array, array)
            ]
            assert np.abs(blocks[0] - blocks[1]).mean() < 3

    def test_all_frames_together_have_256_colours(self, frames: list[Frame]) -> None:
        _, arrays = read(written(frames, "gif", Metadata(durations=(80,) * 6)))
        assert len(np.unique(np.concatenate(arrays).reshape(-1, 4)[:, :3], axis=0)) <= 256

    def test_noise_that_nobody_sees_is_not_drawn_again(self, frames: list[Frame]) -> None:
        random = np.random.default_rng(6)
        quiet = [
            Frame(
                frame.spec,
                (frames[0].array.clip(4, 250) + random.integers(-1, 2, (64, 96, 3))).astype(np.uint8),
            )
            for frame in frames
        ]
        _, arrays = read(written(quiet, "gif", Metadata(durations=(80,) * 6)))
        assert all((array == arrays[0]).all() for array in arrays)


@pytest.mark.parametrize(("to", "loop"), [("gif", 1), ("gif", 3), ("gif", 0), ("webp", 2), ("png", 5)])
def test_the_loop_count_is_set(to: str, loop: int) -> None:
    frames = [Image.new("RGB", (8, 6), (40 * number, 9, 9)) for number in (1, 2, 3)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)
    made = Pipeline().encode(data, to=to, loop=loop)
    assert read_header(made, "", Limits()).metadata.loop == loop


def test_a_loop_count_that_avif_does_not_hold_is_lost() -> None:
    frames = [Image.new("RGB", (32, 32), (40 * number, 9, 9)) for number in (1, 2)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)
    with pytest.raises(TransformError, match="loop count"):
        Pipeline().encode(data, to="avif", loop=2, strict=True)
