"""apply_batch: a function that gets several pictures at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from operation_frames import Array
from PIL import Image

import imgpar
from imgpar.core.errors import ItemError
from imgpar.core.spec import Frame, Spec
from imgpar.ops.apply_batch import ApplyBatch


def grey_frame(value: int, width: int = 4) -> Frame:
    return Frame(Spec(width, 2, "RGB"), np.full((2, width, 3), value, np.uint8))


def results(function: Any, *frames: Frame, size: int = 4) -> list[int | str]:
    """The grey of each result, or the message of its error."""
    made = [one.result for one in ApplyBatch(function, size=size).each(frames)]
    return [str(one) if isinstance(one, ItemError) else int(one.array[0, 0, 0]) for one in made]


def test_pictures_of_one_size_share_a_call() -> None:
    seen = []

    def add(pictures: Array) -> Array:
        seen.append(pictures.shape)
        return pictures + 1

    frames = [grey_frame(1), grey_frame(2, 6), grey_frame(3), grey_frame(4, 6)]
    assert results(add, *frames) == [2, 3, 4, 5]
    assert seen == [(2, 2, 4, 3), (2, 2, 6, 3)]


def test_no_call_gets_more_than_the_size() -> None:
    seen = []
    made = results(lambda a: seen.append(len(a)) or a, *map(grey_frame, range(7)), size=3)  # type: ignore[func-returns-value]
    assert (seen, made) == ([3, 3, 1], [*range(7)])


def test_a_list_of_results_may_have_different_sizes() -> None:
    made = ApplyBatch(lambda pictures: [picture[: number + 1] for number, picture in enumerate(pictures)])
    assert [one.frame().spec.height for one in made.each([grey_frame(1), grey_frame(2)])] == [1, 2]


def careful(pictures: Array) -> Array:
    if (pictures == 13).any():
        raise ValueError("13")
    return pictures + 100


def test_only_the_picture_that_breaks_a_call_fails() -> None:
    made = results(careful, *map(grey_frame, (1, 13, 3)))
    assert (made[0], made[2]) == (101, 103)
    assert "The function careful raised ValueError: 13." in str(made[1])


def test_only_the_picture_with_an_invalid_result_fails() -> None:
    def broken(pictures: Array) -> list[Any]:
        return [None if picture.max() == 13 else picture for picture in pictures]

    made = results(broken, *map(grey_frame, (1, 13, 3)))
    assert (made[0], made[2]) == (1, 3)
    assert "returned None. Let it return the array." in str(made[1])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a: a[0], "returned 2 results for 1 picture. Return one result for each picture, in order"),
        (lambda a: [], "returned 0 results for 1 picture."),
        (lambda a: None, "returned None."),
        (lambda a: 5, "returned a int."),
    ],
)
def test_another_number_of_results_is_one_sentence(function: Any, message: str) -> None:
    assert message in str(results(function, grey_frame(1))[0])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a: a[:1], "returned 1 result for 3 pictures. Return one result for each picture, in order"),
        (lambda a: {"logits": a}, "returned a dict. Return one result for each picture"),
    ],
)
def test_a_wrong_answer_to_a_call_fails_all_its_pictures(function: Any, message: str) -> None:
    made = results(function, *map(grey_frame, (1, 2, 3)))
    assert [message in str(one) for one in made] == [True] * 3


def test_a_call_with_a_wrong_answer_is_not_repeated() -> None:
    seen = []
    results(lambda a: seen.append(len(a)) or a[:1], *map(grey_frame, (1, 2, 3)))  # type: ignore[func-returns-value]
    assert seen == [3]


def test_results_that_are_no_pictures_name_the_call_for_models() -> None:
    (made,) = results(lambda a: np.zeros((len(a), 10), np.float32), grey_frame(1))
    assert "returned an array of shape (10,) and type float32. Call a model that returns no pictures" in made
    assert "on the arrays of Pipeline.batches" in made


def test_tensors_of_pytorch_are_pictures() -> None:
    torch = pytest.importorskip("torch")
    assert results(lambda pictures: torch.from_numpy(pictures) + 1, *map(grey_frame, (1, 2))) == [2, 3]


@pytest.mark.parametrize("size", [0, 1025, "x", 2.0])
def test_a_size_is_a_whole_number(size: Any) -> None:
    with pytest.raises(imgpar.BadValueError, match="a whole number from 1 to 1024 for size"):
        imgpar.Pipeline().apply_batch(np.negative, size=size)


def test_an_object_with_reset_is_refused() -> None:
    class Stateful:
        def reset(self, item: Any) -> None: ...

        def __call__(self, pictures: Array) -> Array:
            return pictures

    with pytest.raises(imgpar.BadValueError, match=r"without reset\(item\)"):
        imgpar.Pipeline().apply_batch(Stateful())


# ----- in runs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def greys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures of the greys 0 to 19."""
    folder = tmp_path_factory.mktemp("greys")
    for value in range(20):
        Image.new("RGB", (8, 6), (value, value, value)).save(folder / f"{value:02}.png")
    return folder


class Count:
    """Adds to each picture how many it got at once."""

    def __call__(self, pictures: Array) -> Array:
        return pictures + np.uint8(100 + len(pictures))


def counts(out: Path) -> list[int]:
    """How many pictures each one of `out` was given with, by name."""
    return [
        int(np.asarray(Image.open(path).convert("RGB"))[0, 0, 0]) - 100 - int(path.stem)
        for path in sorted(out.glob("*.png"))
    ]


def test_a_run_fills_its_batches(greys: Path, tmp_path: Path) -> None:
    pipe = imgpar.Pipeline().flip("horizontal").apply_batch(Count(), size=8).grey()
    report = pipe.run(greys, tmp_path / "out", jobs=1)
    assert (report.ok, counts(tmp_path / "out")) == (20, [8] * 16 + [4] * 4)


@pytest.mark.parametrize("jobs", [1, 2])
def test_arrays_come_in_order(greys: Path, jobs: int) -> None:
    pipe = imgpar.Pipeline().apply_batch(lambda pictures: pictures + np.uint8(50), size=8)
    found = [int(array[0, 0, 0]) for _, array in pipe.arrays(greys, jobs=jobs)]
    assert found == [*range(50, 70)]


def double(pictures: Array) -> Array:
    return np.repeat(np.repeat(pictures, 2, 1), 2, 2)


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_that_grow_need_no_memory_for_all_at_once(tmp_path: Path, jobs: int) -> None:
    (tmp_path / "in").mkdir()
    for value in range(12):
        Image.new("RGB", (400, 300), (value, 0, 0)).save(tmp_path / "in" / f"{value}.png")
    pipe = imgpar.Pipeline().apply_batch(double, size=8)
    report = pipe.run(tmp_path / "in", tmp_path / "out", jobs=jobs, memory="4M")
    assert (report.ok, report.failed) == (12, 0)


def test_one_bad_picture_of_a_run_fails_with_its_traceback(greys: Path, tmp_path: Path) -> None:
    report = imgpar.Pipeline().apply_batch(careful, size=8).run(greys, tmp_path / "out", jobs=2)
    (failed,) = report.failures
    assert (report.ok, Path(failed.source).name) == (19, "13.png")
    assert "The function careful (step 1) raised ValueError: 13." in failed.error
    assert 'raise ValueError("13")' in failed.traceback
    assert f"While processing {greys / '13.png'}" in failed.traceback


def test_a_note_tells_that_a_call_was_repeated(greys: Path, tmp_path: Path) -> None:
    report = imgpar.Pipeline().apply_batch(careful, size=8).run(greys, tmp_path / "out", jobs=1)
    noted = [Path(one.source).name for one in report.items if any("one by one" in note for note in one.notes)]
    assert noted == [f"{value:02}.png" for value in range(8, 16) if value != 13]


def test_a_note_tells_that_a_call_for_an_animation_was_repeated(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), (40 * number, 0, 0)) for number in range(3)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=100, lossless=True)

    def single(pictures: Array) -> Array:
        if len(pictures) > 1:
            raise MemoryError
        return pictures

    report = imgpar.Pipeline().apply_batch(single).run(tmp_path / "a.webp", tmp_path / "b.webp", jobs=1)
    assert any("one by one" in note for note in report.items[0].notes), report


def test_frames_of_an_animation_are_a_batch(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), (40 * number, 0, 0)) for number in range(4)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=100, lossless=True)
    pipe = imgpar.Pipeline().apply_batch(lambda p: np.full_like(p, 60 * len(p)), size=3, channels="L")
    pipe.run(tmp_path / "a.webp", tmp_path / "b.webp", lossless=True, jobs=1)
    with Image.open(tmp_path / "b.webp") as made:
        assert (made.n_frames, made.convert("RGB").getpixel((0, 0))) == (2, (180, 180, 180))


def test_one_picture_in_this_process(greys: Path) -> None:
    made = imgpar.Pipeline().apply_batch(Count()).encode((greys / "07.png").read_bytes(), to="bmp")
    assert made[-3:] == bytes([108] * 3)


def test_chain_is_refused(greys: Path, tmp_path: Path) -> None:
    with pytest.raises(imgpar.UsageError, match="apply_batch collects pictures"):
        imgpar.Pipeline().apply_batch(Count()).run(greys, tmp_path / "out", schedule="chain")


def deadly(pictures: Array) -> Array:
    if (pictures == 13).any():
        os.kill(os.getpid(), signal.SIGSEGV)
    return pictures


@pytest.mark.slow
def test_a_picture_that_kills_the_worker_takes_no_other_with_it(greys: Path, tmp_path: Path) -> None:
    report = imgpar.Pipeline().apply_batch(deadly, size=8).run(greys, tmp_path / "out", jobs=2)
    assert report.ok == 19
    assert [Path(one.source).name for one in report.failures] == ["13.png"]
