"""apply: what a function may return, and functions that keep a state from frame to frame."""

from __future__ import annotations

import linecache
import os
from pathlib import Path
from typing import Any

import cloudpickle
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
    assert "Divide by 255, return uint8, or declare range=(0, 255)." in said


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
        (lambda a: (a * 255).astype("int64"), "clip(0, 255).astype('uint8')"),
        (lambda a: a.astype("complex64"), "numpy.abs"),
        (lambda a: a.astype(object), "Python objects"),
        (lambda a: None, "Let it return the array."),
        (lambda a: a.tolist(), "returned a list"),
        (lambda a: a[0, 0, :2], "of shape (2,)"),
        (lambda a: np.zeros((4, 4, 7), "uint8"), "of shape (4, 4, 7)"),
        (lambda a: a[:0], "of shape (0, 61, 3)"),
        (lambda a: np.ma.masked_less(a, 0.5), "a masked array. Return result.filled(0)."),
        (lambda a: np.moveaxis(a, -1, 0), "Its channels come first: return numpy.moveaxis(result, 0, -1)."),
        (lambda a: a[None], "It is a batch of one: return result[0]."),
        (lambda a: Image.new("RGB", (4, 4)), "returned a Image. Return a numpy array"),
    ],
)
def test_what_is_no_picture_has_a_sentence_of_its_own(wrong: Any, advice: str) -> None:
    assert advice in refusal(wrong)


def test_a_mask_is_black_and_white() -> None:
    made = result(lambda array: array[..., 0] > 0.5)
    np.testing.assert_array_equal(made[..., 0], (result(lambda array: array)[..., 0] > 0.5) * np.uint8(255))


@pytest.mark.parametrize("dtype", ["float64", "float16", ">f4"])
def test_floating_point_of_any_precision_becomes_float32(dtype: str) -> None:
    made = result(lambda array: array.astype(dtype))
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, result(lambda array: array), atol=1e-3)


def test_the_other_byte_order_is_read() -> None:
    made = result(lambda array: (array * 65535).astype(">u2"))
    np.testing.assert_array_equal(made, result(lambda array: (array * 65535).astype("uint16")))


def test_more_than_float32_holds_is_refused() -> None:
    assert "not numbers (NaN) or infinite" in refusal(lambda array: array.astype("float64") * 1e300)


def ranged(function: Any, low: float, high: float) -> Array:
    return Apply(function, dtype="float32", range=(low, high)).call(picture("RGB")).array


def test_a_function_gets_and_returns_the_declared_range() -> None:
    seen = []
    made = ranged(lambda array: seen.append(array.copy()) or array, -1, 1)  # type: ignore[func-returns-value]
    plain = result(lambda array: array)
    np.testing.assert_allclose(seen[0], plain * 2 - 1, atol=1e-6)
    np.testing.assert_allclose(made, plain, atol=1e-6)


def test_a_declared_range_is_checked() -> None:
    with pytest.raises(TransformError, match=r"from 0 to 1000; floating point is 0 .* to 255 ") as caught:
        ranged(lambda _: RAMP * np.float32(1000), 0, 255)
    assert "Declare the range that the function returns" in str(caught.value)


@pytest.mark.parametrize("given", [(1, 0), (0, 0), (0, float("nan")), "0..1", (0,), 5])
def test_a_range_is_two_numbers(given: Any) -> None:
    with pytest.raises(imgpar.BadValueError, match="Expected two numbers"):
        imgpar.Pipeline().apply(np.negative, range=given)


class Tensor:
    """Exports an array by DLPack, as tensors of other libraries do; `device` is 1 for main memory."""

    def __init__(self, array: Array, device: int = 1) -> None:
        self.array, self.device, self.asked = array, device, {}  # type: ignore[var-annotated]

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0

    def __dlpack__(self, **asked: Any) -> object:
        self.asked = asked
        if self.device != 1 and asked.get("dl_device") != (1, 0):
            raise BufferError("it is on another device")
        return self.array.__dlpack__()


def test_a_tensor_in_main_memory_is_not_copied() -> None:
    array = np.full((5, 7, 3), 9, np.uint8)
    assert np.shares_memory(result(lambda _: Tensor(array)), array)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="NumPy has no device= before 2.1")
def test_a_tensor_on_another_device_is_copied() -> None:
    tensor = Tensor(np.full((5, 7, 3), 9, np.uint8), device=2)
    assert result(lambda _: tensor).mean() == 9
    assert (tensor.asked["dl_device"], tensor.asked["copy"]) == ((1, 0), True)


def test_a_tensor_that_cannot_be_read_is_one_sentence() -> None:
    class Broken(Tensor):
        def __dlpack__(self, **asked: Any) -> object:
            raise BufferError("It needs a gradient.")

    said = refusal(lambda array: Broken(array))
    assert "a Broken that cannot be read: It needs a gradient. Return a numpy array" in said


def test_tensors_of_pytorch_are_pictures() -> None:
    torch = pytest.importorskip("torch")
    made = result(lambda array: torch.from_numpy(array).flip(1))
    np.testing.assert_allclose(made, result(lambda array: array[:, ::-1]))
    assert "result.detach()" in refusal(lambda array: torch.from_numpy(array).requires_grad_())


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


def code_of_a_notebook(text: str, name: str) -> Any:
    """A function whose source is in no file, as in a notebook."""
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), scope)
    return scope["function"]


NOTEBOOK = """\
def darker(array):
    return array // zero  # the user's line
zero = None
function = lambda array: darker(array)
"""


def test_a_traceback_has_the_users_lines_and_the_item(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    function = code_of_a_notebook(NOTEBOOK, "<cell 7>")
    pipe = imgpar.Pipeline().grey().apply(function)
    outcome = pipe.run(tmp_path / "a.png", tmp_path / "out", jobs=1).items[0]
    assert "The function <lambda> (step 2) raised TypeError" in outcome.error
    assert "return array // zero  # the user's line" in outcome.traceback
    assert "function = lambda array: darker(array)" in outcome.traceback
    assert f"While processing {tmp_path / 'a.png'}" in outcome.traceback
    assert outcome.traceback.splitlines()[1].startswith('  File "<cell 7>"')


EARLY = """\
def around():
    def inner(array):
        return later
    early = pickle.dumps(Apply(inner))
    later = 1
    return early
function = around
"""


def test_a_function_may_be_sent_before_all_it_uses_is_there() -> None:
    around = code_of_a_notebook(EARLY, "<cell 8>")
    around.__globals__.update(Apply=Apply, pickle=cloudpickle)
    assert around()


class Model:
    """Writes down what is called, with the number of its process."""

    def __init__(self, log: Path, fails: str = "") -> None:
        self.log, self.fails, self.factor = log, fails, 0

    def note(self, text: str) -> None:
        with self.log.open("a") as file:
            file.write(f"{os.getpid()} {text}\n")

    def setup(self) -> None:
        self.note("setup")
        self.factor = 2
        if self.fails == "setup":
            raise FileNotFoundError("no weights.pt")

    def close(self) -> None:
        self.note("close")
        if self.fails == "close":
            raise ValueError("not closed")

    def __call__(self, array: Array) -> Array:
        return array * self.factor


@pytest.fixture
def greys(tmp_path: Path) -> Path:
    """Eight pictures of the grey 40."""
    folder = tmp_path / "greys"
    folder.mkdir()
    for number in range(8):
        Image.new("RGB", (8, 6), (40, 40, 40)).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("fails", ["", "close"])
def test_an_object_is_set_up_and_closed_once_in_each_worker(greys: Path, fails: str) -> None:
    log = greys / "log"
    report = imgpar.Pipeline().apply(Model(log, fails)).run(greys / "*.png", greys / "out", jobs=2)
    lines = [line.split() for line in log.read_text().splitlines()]
    workers = {process for process, _ in lines}
    assert report.ok == 8
    assert str(os.getpid()) not in workers
    assert sorted(lines) == sorted([worker, what] for worker in workers for what in ("setup", "close"))
    assert Image.open(greys / "out" / "0.png").getpixel((0, 0)) == (80, 80, 80)


def test_a_setup_that_fails_is_one_error_of_the_run(greys: Path) -> None:
    pipe = imgpar.Pipeline().apply(Model(greys / "log", "setup"))
    with pytest.raises(imgpar.RunError, match=r"The function Model \(step 1\) cannot be used: its setup\(\)"):
        pipe.run(greys / "*.png", greys / "out", jobs=1)
    assert (greys / "log").read_text().count("setup") == 1


def test_an_object_is_set_up_once_in_this_process(greys: Path) -> None:
    pipe = imgpar.Pipeline().apply(Model(greys / "log"))
    data = (greys / "0.png").read_bytes()
    assert pipe.encode(data) == pipe.encode(data)
    assert (greys / "log").read_text() == f"{os.getpid()} setup\n"


def test_a_session_can_be_used_after_a_setup_has_failed(greys: Path) -> None:
    broken, whole = (imgpar.Pipeline().apply(Model(greys / "log", fails)) for fails in ("setup", ""))
    with imgpar.Session(jobs=1) as session:
        with pytest.raises(imgpar.RunError, match=r"no weights\.pt"):
            session.run(broken, greys / "*.png", greys / "out")
        again = session.run(whole, greys / "*.png", greys / "out")
    assert again.ok == 8
