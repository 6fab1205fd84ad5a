"""`--palette N`: at most N colours, near to those of the picture, and stored as a palette."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from codec_pictures import picture, read, saved, written
from few_pictures import chart, seen
from PIL import Image

from imgpar import Pipeline
from imgpar.batch.picture.outputs import convert_bytes
from imgpar.core.errors import EncodeError, UsageError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS
from imgpar.pixels.quantize import reduced

PIPE = Pipeline()
HOLDS = sorted(name for name, record in FORMATS.items() if "palette" in record.takes)


def smooth(alpha: bool = False) -> Image.Image:
    """White with an orange disc, antialiased, on top of a gradient."""
    y, x = np.mgrid[0:90, 0:120]
    edge = np.clip(40 - np.hypot(x - 60, y - 45) + 0.5, 0, 1)[..., None]
    below = np.full((90, 120, 3), 255.0)
    below[60:] = np.stack([x, y, x + y], axis=-1)[60:]
    colours = edge * (250, 140, 20) + (1 - edge) * below
    array = np.rint(colours).clip(0, 255).astype(np.uint8)
    if alpha:
        fade = np.rint(np.clip((119 - x) / 60, 0, 1) * 255).astype(np.uint8)
        array = np.dstack([array, fade])
    return Image.fromarray(array)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2)))


def colours_of(image: np.ndarray) -> int:
    return len(np.unique(image.reshape(-1, image.shape[-1]), axis=0))


def test_these_formats_hold_a_palette() -> None:
    assert HOLDS == ["bmp", "gif", "png", "tiff"]


@pytest.mark.parametrize("to", HOLDS)
@pytest.mark.parametrize("most", [2, 16, 256])
def test_there_are_no_more_colours_than_wanted(to: str, most: int) -> None:
    made = Image.open(io.BytesIO(PIPE.encode(saved(smooth(), "PNG"), to=to, palette=most)))
    assert made.mode == "P"
    assert colours_of(seen(made)) <= most


@pytest.mark.parametrize(("most", "least"), [(256, 38), (64, 32), (16, 24)])
def test_colours_are_nearer_than_those_of_pillow(most: int, least: int) -> None:
    source = smooth()
    data = PIPE.encode(saved(source, "PNG"), palette=most)
    ours = psnr(np.asarray(source), seen(Image.open(io.BytesIO(data)))[..., :3])
    octree = psnr(
        np.asarray(source), np.asarray(source.quantize(most, Image.Quantize.FASTOCTREE).convert("RGB"))
    )
    assert ours > max(least, octree)


@pytest.mark.parametrize("most", [256, 64, 16])
def test_white_stays_white(most: int) -> None:
    data = PIPE.encode(saved(smooth(), "PNG"), palette=most)
    assert seen(Image.open(io.BytesIO(data)))[2, 2].tolist() == [255, 255, 255, 255]


def test_soft_transparency_survives_in_a_png() -> None:
    source = smooth(alpha=True)
    data = PIPE.encode(saved(source, "PNG"), palette=128)
    made = seen(Image.open(io.BytesIO(data)))
    assert data[25] == 3
    assert psnr(np.asarray(source)[..., 3], made[..., 3]) > 34
    assert colours_of(made) <= 128


def test_a_chart_made_smaller_takes_less_room_with_a_palette() -> None:
    source = saved(chart(40, (640, 400)), "PNG")
    plain = PIPE.resize("50%").encode(source)
    assert len(PIPE.resize("50%").encode(source, palette=64)) < 0.8 * len(plain)


def test_few_colours_stay_exact() -> None:
    source = chart(12).convert("RGB")
    data = PIPE.encode(saved(source, "PNG"), palette=16)
    assert (data[24], data[25]) == (4, 3)
    assert np.array_equal(seen(Image.open(io.BytesIO(data))), seen(source))


def test_16_bits_become_a_palette() -> None:
    data = written(picture("RGB", "uint16"), "png")
    made = PIPE.encode(data, palette=32)
    assert (made[24], made[25]) == (8, 3)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_grey_has_no_more_levels_than_wanted(dtype: str) -> None:
    made = PIPE.encode(written(picture("L", dtype), "png"), palette=4)
    assert (made[24], made[25]) == (2, 3)
    assert colours_of(seen(Image.open(io.BytesIO(made)))) <= 4


def test_frames_of_an_animated_png_share_a_palette() -> None:
    frames = [picture("RGB", shift=shift) for shift in (0, 9, 30)]
    data = written(frames, "png", Metadata(durations=(100, 200, 300)))
    made = PIPE.encode(data, palette=16)
    image = Image.open(io.BytesIO(made))
    assert (image.n_frames, made[25]) == (3, 3)
    _, arrays = read(made)
    assert colours_of(np.concatenate(arrays)) <= 16
    assert psnr(arrays[2][..., :3], frames[2].array) > 20


def test_a_gif_counts_transparency_among_its_colours() -> None:
    data = PIPE.encode(saved(smooth(alpha=True), "PNG"), to="gif", palette=16)
    assert 2 << (data[10] & 7) <= 16


def test_an_animated_gif_has_no_more_colours_than_wanted() -> None:
    frames = [picture("RGB", shift=shift) for shift in (0, 9, 30)]
    data = PIPE.encode(written(frames, "png", Metadata(durations=(100,) * 3)), to="gif", palette=16)
    _, arrays = read(data)
    assert colours_of(np.concatenate(arrays)) <= 16


def test_lossless_and_fewer_colours_contradict_each_other() -> None:
    with pytest.raises(EncodeError, match="more than 16 colours"):
        PIPE.encode(saved(smooth(), "PNG"), palette=16, lossless=True, to="tiff")


def test_the_same_colours_are_chosen_each_time() -> None:
    source = saved(smooth(), "PNG")
    assert PIPE.encode(source, palette=32) == PIPE.encode(source, palette=32)


@pytest.mark.parametrize("value", [1, 257, "many"])
def test_a_palette_has_2_to_256_colours(value: object) -> None:
    with pytest.raises(UsageError):
        PIPE.encode(saved(smooth(), "PNG"), palette=value)


def test_jpeg_has_no_palette(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(saved(smooth(), "PNG"))
    with pytest.raises(UsageError, match="palette does not apply to JPEG"):
        PIPE.run(tmp_path / "a.png", tmp_path / "out", to="jpg", palette=16)


def test_a_tiff_with_transparency_says_that_it_has_no_palette(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(saved(smooth(alpha=True), "PNG"))
    report = PIPE.run(tmp_path / "a.png", tmp_path / "out", to="tif", palette=16, jobs=1, memory="64M")
    assert any("without a palette" in note for note in report.items[0].notes)


def test_colours_that_cannot_be_seen_do_not_count() -> None:
    array = np.zeros((16, 16, 4), np.uint8)
    array[..., 0] = np.arange(256).reshape(16, 16)
    array[8:, :, 3] = 255
    made = reduced(array, 128)
    assert made is not None
    assert np.array_equal(made[8:, :, :3], array[8:, :, :3]) or psnr(made[8:], array[8:]) > 45
    assert not made[:8, :, 3].any()


def test_frames_of_few_colours_are_not_touched() -> None:
    assert reduced(np.zeros((4, 4, 3), np.uint8), 2) is None
    frame = Frame(Spec(4, 4, "RGB"), np.zeros((4, 4, 3), np.uint8))
    assert struct.unpack_from(">B", written(frame, "png", palette=2), 24) == (1,)


def test_a_palette_of_a_picture_with_16_bits_loses_depth() -> None:
    y, x = np.mgrid[0:96, 0:128]
    values = np.stack([x * 400 + 13, y * 500 + 7, (x + y) * 200], axis=2).astype(np.uint16)
    source = written(Frame(Spec(128, 96, "RGB", "uint16"), values), "png")
    encoded = convert_bytes(source, "a.png", (), "png", EncodeOptions(palette=32), Limits())
    assert "depth" in encoded.lost
