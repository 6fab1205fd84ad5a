"""--verify: what is about to be written is decoded again and compared."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.batch.picture.stages import EncodedOutput, encode
from imgpar.batch.picture.verify import distance, verify_encoded
from imgpar.core.blocks import Icc
from imgpar.core.errors import EncodeError
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats.options import EncodeOptions
from imgpar.pixels.colour import profiles

OPTIONS = EncodeOptions()


def frame(seed: int = 0, layout: str = "RGB", size: tuple[int, int] = (96, 64)) -> Frame:
    array = testing.pattern(*size, seed)
    if layout == "RGBA":
        alpha = np.full((*array.shape[:2], 1), 255, np.uint8)
        alpha[:20] = 0
        array = np.concatenate([array, alpha], axis=-1)
    return Frame(Spec(*size, layout), np.ascontiguousarray(array))


def made(name: str, *frames: Frame, **options) -> EncodedOutput:
    header = Header(name, frames[0].spec, metadata=Metadata(durations=(100,) * len(frames)))
    return encode(list(frames), header, name, replace(OPTIONS, **options))


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "tiff", "bmp", "gif"])
def test_a_good_output_passes(name):
    verify_encoded(made(name, frame()), [frame()], name)


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_the_lowest_quality_passes(name, photo):
    picture = Frame(Spec(300, 200, "RGB"), photo(300, 200))
    verify_encoded(made(name, picture, quality=1), [picture], name)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif"])
def test_what_is_transparent_does_not_matter_by_its_colour(name):
    verify_encoded(made(name, frame(layout="RGBA")), [frame(layout="RGBA")], name)


@pytest.mark.parametrize("name", ["gif", "webp", "png"])
def test_a_good_animation_passes(name):
    frames = [frame(seed) for seed in range(3)]
    verify_encoded(made(name, *frames), frames, name)


def test_another_picture_is_refused():
    with pytest.raises(EncodeError, match="looks different"):
        verify_encoded(made("png", frame(1)), [Frame(frame().spec, 255 - frame(1).array)], "png")


def test_a_grey_bottom_is_refused(photo):
    array = photo(300, 200)
    damaged = array.copy()
    damaged[150:] = 128
    output = made("png", Frame(Spec(300, 200), damaged))
    bright = Frame(Spec(300, 200), np.maximum(array, 240))
    with pytest.raises(EncodeError, match="looks different"):
        verify_encoded(output, [bright], "png")


def test_another_size_is_refused():
    small = made("png", frame(size=(48, 32)))
    with pytest.raises(EncodeError, match="48×32 pixels instead of 96×64"):
        verify_encoded(small._replace(spec=frame().spec), [frame()], "png")


def test_missing_frames_are_refused():
    frames = [frame(seed) for seed in range(3)]
    with pytest.raises(EncodeError, match="2 frames instead of 3"):
        verify_encoded(made("gif", *frames[:2]), frames, "gif")


def test_half_a_file_is_refused():
    whole = made("jpeg", frame(size=(400, 300)))
    with pytest.raises(EncodeError, match="cannot be read"):
        verify_encoded(whole._replace(data=bytes(whole.data)[:2000]), [frame(size=(400, 300))], "jpeg")


def test_the_distance_of_a_picture_to_itself_is_zero():
    assert distance(frame(), frame()) == (0.0, 0.0)


def test_the_distance_of_black_and_white_is_the_largest():
    black, white = (Frame(Spec(8, 8, "L"), np.full((8, 8, 1), value, np.uint8)) for value in (0, 255))
    assert distance(black, white) == (255.0, 255.0)


def test_a_run_with_verify_writes_the_same_bytes(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", ["a.png", "b.jpg"])
    with imgpar.Session(jobs=1) as session:
        for name, settings in (("plain", {}), ("checked", {"verify": True})):
            imgpar.convert(pictures, tmp_path / name, session=session, resize="50%", to="webp", **settings)
    for name in ("a.webp", "b.webp"):
        assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "checked" / name).read_bytes()


# ----- where the limits lie -------------------------------------------------------------------------


def even(value: int, size: tuple[int, int] = (64, 64)) -> Frame:
    return Frame(Spec(*size), np.full((size[1], size[0], 3), value, np.uint8))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_distance_of_24_over_the_whole_picture_passes_and_25_does_not(sign: int) -> None:
    verify_encoded(made("png", even(100)), [even(100 + 24 * sign)], "png")
    with pytest.raises(EncodeError, match=r"it looks different \(distance 25, largest 25\)"):
        verify_encoded(made("png", even(100)), [even(100 + 25 * sign)], "png")


@pytest.mark.parametrize("at", [(0, 0), (310, 310), (0, 310), (150, 40)])
def test_a_distance_of_96_at_one_place_passes_and_97_does_not(at: tuple[int, int]) -> None:
    """Of 320 pixels, a cell has ten by ten."""
    spot = even(100, (320, 320))
    for value, passes in ((196, True), (197, False)):
        changed = even(100, (320, 320))
        changed.array[at[0] : at[0] + 10, at[1] : at[1] + 10] = value
        if passes:
            verify_encoded(made("png", changed), [spot], "png")
        else:
            with pytest.raises(EncodeError, match=r"distance 3, largest 97\)"):
                verify_encoded(made("png", changed), [spot], "png")


def test_the_distance_is_a_root_of_the_mean_of_squares() -> None:
    half = even(100)
    half.array[:32] = 140
    assert distance(half, even(100)) == (pytest.approx(40 / np.sqrt(2)), 40)
    with pytest.raises(EncodeError, match="distance 28, largest 40"):
        verify_encoded(made("png", half), [even(100)], "png")


@pytest.mark.parametrize(("size", "cell"), [((320, 160), 10), ((160, 320), 10), ((32, 8), 1), ((8, 4), 1)])
def test_the_longer_side_has_32_cells(size: tuple[int, int], cell: int) -> None:
    changed = even(100, size)
    changed.array[:cell, :cell] = 200
    assert distance(changed, even(100, size))[1] == 100
    changed.array[:cell, :cell] = 100
    changed.array[: cell // 2 + 1, 0] = 200  # one column of a cell, or the one pixel of it
    assert distance(changed, even(100, size))[1] == (100 if cell == 1 else pytest.approx(6, abs=0.6))


def test_a_line_that_is_narrower_than_a_cell_counts_for_its_share() -> None:
    assert distance(even(100, (200, 1)), even(110, (200, 1))) == (10, 10)
    assert distance(even(100, (1, 200)), even(110, (1, 200))) == (10, 10)


def test_transparent_counts_as_white() -> None:
    clear = Frame(Spec(64, 64, "RGBA"), np.zeros((64, 64, 4), np.uint8))
    assert distance(clear, even(255)) == (0, 0)
    clear.array[..., 3] = 51
    assert distance(clear, even(255)) == (51, 51)


# ----- which frames are compared --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gif", "webp", "png"])
def test_a_frame_that_is_another_one_is_named(name: str) -> None:
    frames = [even(40), even(120), even(200)]
    changed = [even(40), even(120), even(40)]
    with pytest.raises(EncodeError, match="frame 3 looks different"):
        verify_encoded(made(name, *changed, lossless=True), frames, name)


@pytest.mark.parametrize("name", ["gif", "webp"])
@pytest.mark.parametrize(("written", "wanted"), [(2, 3), (3, 2), (1, 2), (2, 1)])
def test_a_frame_more_or_less_is_refused(name: str, written: int, wanted: int) -> None:
    frames = [even(40 + 80 * number) for number in range(3)]
    with pytest.raises(EncodeError, match=f"it has {written} frames instead of {wanted}"):
        verify_encoded(made(name, *frames[:written]), frames[:wanted], name)


def test_of_a_format_without_frames_only_the_first_one_is_compared() -> None:
    verify_encoded(made("jpeg", even(40)), [even(40), even(200)], "jpeg")
    with pytest.raises(EncodeError, match="it looks different"):
        verify_encoded(made("jpeg", even(200)), [even(40), even(200)], "jpeg")


@pytest.mark.parametrize("kind", ["frames", "pages"])
def test_frames_that_were_named_as_lost_are_not_missed(kind: str) -> None:
    output = made("gif", even(40))
    verify_encoded(output._replace(lost=(kind,)), [even(40), even(200)], "gif")
    with pytest.raises(EncodeError, match="1 frames instead of 2"):
        verify_encoded(output._replace(lost=("alpha",)), [even(40), even(200)], "gif")


def paged(*frames: Frame) -> EncodedOutput:
    pages = tuple(Metadata() for _ in frames)
    return encode(
        list(frames), Header("tiff", frames[0].spec, metadata=Metadata(pages=pages)), "tiff", OPTIONS
    )


def test_pages_of_different_sizes_are_counted() -> None:
    pages = [even(40), even(90, (32, 16)), even(160, (20, 70))]
    verify_encoded(paged(*pages), pages, "tiff")
    with pytest.raises(EncodeError, match=r"it has \d frames instead of 3"):
        verify_encoded(paged(*pages[:2]), pages, "tiff")
    with pytest.raises(EncodeError, match="it looks different"):
        verify_encoded(paged(*pages), [even(200), *pages[1:]], "tiff")


# ----- colour profiles, sizes -----------------------------------------------------------------------


def test_with_another_profile_it_is_the_look_that_counts() -> None:
    """Linear numbers and those of sRGB that mean the same light; then the same numbers that do not."""
    linear, srgb = profiles.rgb_profile("linear", profiles.SRGB, gamma=1.0), even(188)
    light = even(128)
    header = Header("png", srgb.spec, metadata=Metadata())
    output = encode([srgb], header, "png", OPTIONS)
    verify_encoded(output, [light], "png", Metadata(icc=Icc(linear)))
    with pytest.raises(EncodeError, match="it looks different"):
        verify_encoded(encode([light], header, "png", OPTIONS), [light], "png", Metadata(icc=Icc(linear)))


def test_with_the_same_profile_numbers_are_compared() -> None:
    linear = profiles.rgb_profile("linear", profiles.SRGB, gamma=1.0)
    header = Header("png", even(0).spec, metadata=Metadata(icc=Icc(linear)))
    # In sRGB they would be 0 and 89 of 255: another picture.
    verify_encoded(encode([even(22)], header, "png", OPTIONS), [even(2)], "png", Metadata(icc=Icc(linear)))


@pytest.mark.parametrize("size", [(95, 64), (97, 64), (96, 63), (96, 65), (64, 96)])
def test_a_pixel_more_or_less_is_refused(size: tuple[int, int]) -> None:
    output = made("png", frame(size=size))
    with pytest.raises(EncodeError, match=f"{size[0]}×{size[1]} pixels instead of 96×64"):
        verify_encoded(output._replace(spec=frame().spec), [frame()], "png")


def test_an_output_that_readers_turn_is_measured_as_they_show_it() -> None:
    sink = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(even(90, (96, 64)).array))).save(sink, "PNG", exif=exif)
    with pytest.raises(EncodeError, match="64×96 pixels instead of 96×64"):
        verify_encoded(
            EncodedOutput(made("png", even(90, (64, 96))).data, Spec(96, 64)), [even(90, (96, 64))], "png"
        )
    verify_encoded(EncodedOutput(sink.getvalue(), Spec(96, 64)), [even(90, (64, 96))], "png")


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(EncodeError) as caught:
        verify_encoded(made("png", even(0)), [even(255)], "png")
    assert caught.value.message.startswith("The PNG was not written, because --verify found that it looks")
    assert "report" in caught.value.fix
