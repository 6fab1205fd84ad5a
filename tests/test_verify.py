"""--verify: what is about to be written is decoded again and compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import imgpar
from imgpar import testing
from imgpar.batch.picture.stages import EncodedOutput, encode
from imgpar.batch.picture.verify import distance, verify_encoded
from imgpar.core.errors import EncodeError
from imgpar.core.model import Frame, Header, Metadata, Spec
from imgpar.formats.options import EncodeOptions

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
