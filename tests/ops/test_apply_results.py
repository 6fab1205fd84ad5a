"""apply: what a function may return, and functions that keep a state from frame to frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from operation_frames import Array, picture
from PIL import Image
from video_clips import make_clip

import imgpar
from imgpar.core.errors import TransformError
from imgpar.ops.apply import Apply

RAMP = np.linspace(0, 1, 35, dtype=np.float32).reshape(5, 7)


def result(function: Any, dtype: str = "float32") -> Array:
    return Apply(function, dtype=dtype).call(picture("RGB")).array


def refusal(function: Any) -> str:
    with pytest.raises(TransformError) as caught:
        result(function)
    return str(caught.value)


def test_floating_point_from_0_to_255_is_refused() -> None:
    said = refusal(lambda _: RAMP * np.float32(255))
    assert "float32 values from 0 to 255; floating point is 0 (black) to 1 (white)." in said
    assert "Divide by 255, or return uint8." in said


def test_values_that_are_no_numbers_are_refused() -> None:
    def broken(array: Array) -> Array:
        array[3, 4, 1] = np.nan
        return array

    assert "not numbers (NaN) or infinite" in refusal(broken)
    assert "not numbers (NaN) or infinite" in refusal(lambda array: array + np.float32(np.inf))


@pytest.mark.parametrize(("scale", "offset"), [(1.02, 0), (1.3, -0.15), (2.0, -0.5)])
def test_a_little_beyond_is_clipped(scale: float, offset: float) -> None:
    made = result(lambda array: array * np.float32(scale) + np.float32(offset))
    plain = result(lambda array: array)
    np.testing.assert_allclose(made, (plain * scale + offset).clip(0, 1), atol=1e-6)


@pytest.mark.parametrize(("scale", "offset"), [(2.0, -1.0), (1.0, 0.8)])
def test_another_scale_is_refused(scale: float, offset: float) -> None:
    said = refusal(lambda _: RAMP * np.float32(scale) + np.float32(offset))
    assert f"from {offset:g} to {scale + offset:g}" in said


def test_a_picture_brighter_than_white_may_stay_so() -> None:
    src = picture("RGB", "float32")
    src.array[...] *= 9
    made = Apply(lambda array: array, dtype="float32").call(src)
    np.testing.assert_allclose(made.array, src.array, rtol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        (lambda a: a > 0.5, "(mask * 255).astype('uint8')"),
        (lambda a: (a * 255).astype("int64"), "clip(0, 255).astype('uint8')"),
        (lambda a: a.astype("float64"), "astype('float32')"),
        (lambda a: a.astype("complex64"), "numpy.abs"),
        (lambda a: a.astype(object), "Python objects"),
        (lambda a: None, "Let it return the array."),
        (lambda a: a.tolist(), "returned a list"),
        (lambda a: a[0, 0, :2], "of shape (2,)"),
        (lambda a: np.zeros((4, 4, 7), "uint8"), "of shape (4, 4, 7)"),
        (lambda a: a[:0], "of shape (0, 61, 3)"),
    ],
)
def test_what_is_no_picture_has_a_sentence_of_its_own(wrong: Any, advice: str) -> None:
    assert advice in refusal(wrong)


class Count:
    """Paints into each frame how many it has seen, and remembers what it was told."""

    def __init__(self) -> None:
        self.seen = 100

    def reset(self, item: Any) -> None:
        print("reset", Path(item.path).name, item.kind, item.size, item.frames)
        self.seen = 0

    def __call__(self, array: Array) -> Array:
        self.seen += 1
        array[...] = self.seen
        return array


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_a_state_does_not_reach_the_next_picture(tmp_path: Path, schedule: str) -> None:
    (tmp_path / "in").mkdir()
    for number in range(6):
        Image.new("RGB", (8, 6)).save(tmp_path / "in" / f"{number}.png")
    report = (
        imgpar.Pipeline().apply(Count()).run(tmp_path / "in", tmp_path / "out", jobs=2, schedule=schedule)
    )
    values = {Image.open(path).getpixel((0, 0)) for path in (tmp_path / "out").glob("*.png")}
    assert (report.ok, values) == (6, {(1, 1, 1)})
    assert report.items[0].notes == ("reset 0.png image (8, 6) 1",)


def test_an_animation_is_one_item(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), (40 * number, 0, 0)) for number in range(4)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=100, lossless=True)
    imgpar.Pipeline().apply(Count()).run(tmp_path / "a.webp", tmp_path / "b.webp", jobs=1, lossless=True)
    with Image.open(tmp_path / "b.webp") as made:
        seen = [(made.seek(number), made.convert("RGB").getpixel((0, 0))[0])[1] for number in range(4)]  # type: ignore[index]
    assert seen == [1, 2, 3, 4]


def test_bytes_are_an_item(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    pipe, data = imgpar.Pipeline().apply(Count()), (tmp_path / "a.png").read_bytes()
    assert pipe.encode(data) == pipe.encode(data)


class Number(Count):
    """The same, so that a clip can hold it."""

    def __call__(self, array: Array) -> Array:
        self.seen += 1
        array[...] = 8 * self.seen
        return array


def numbers(path: Path) -> list[int]:
    return [round(float(frame.array.mean()) / 8) for frame in imgpar.frames(path)]


def test_all_frames_of_a_clip_are_seen_in_order_by_one_worker(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.mp4", "b.mp4"):
        make_clip(tmp_path / "in" / name, frames=20)
    report = imgpar.Pipeline().apply(Number()).run(tmp_path / "in", tmp_path / "out", jobs=2, quality=100)
    assert report.ok == 2
    assert [numbers(tmp_path / "out" / name) for name in ("a.mp4", "b.mp4")] == [[*range(1, 21)]] * 2


def test_frames_of_a_clip_in_this_process_are_one_item(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", frames=5)
    pipe = imgpar.Pipeline().apply(Number())
    for _ in range(2):
        seen = [int(frame.array[0, 0, 0]) // 8 for frame in imgpar.frames(tmp_path / "a.mp4", pipeline=pipe)]
        assert seen == [1, 2, 3, 4, 5]


class Fails(Count):
    """Cannot be reset."""

    def reset(self, item: Any) -> None:
        raise ValueError("no weights")


def test_a_reset_that_fails_is_the_failure_of_the_picture(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    report = imgpar.Pipeline().apply(Fails()).run(tmp_path / "a.png", tmp_path / "out", jobs=1)
    assert "raised ValueError: no weights." in report.items[0].error
