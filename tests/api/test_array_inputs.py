"""What `arrays` may be given: generators, which are read as needed, contents with keys, arrays, addresses."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from http_server import HttpServer, Page
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline
from imgpar.api.session import Session
from imgpar.pixels.colour import profiles

PIPE = Pipeline()
COUNT = 6
P3 = profiles.rgb_profile("Display P3", profiles.P3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = [f"{n}.png" for n in range(COUNT)]
    return testing.write_pictures(tmp_path_factory.mktemp("inputs") / "in", names, size=(24, 16))


@pytest.fixture(scope="module")
def data(folder: Path) -> list[bytes]:
    return [(folder / f"{n}.png").read_bytes() for n in range(COUNT)]


@pytest.fixture(scope="module")
def session():
    with Session(jobs=2, memory="32M") as session:
        yield session


def pattern(seed: int) -> np.ndarray[Any, Any]:
    return testing.pattern(24, 16, seed)


class Counted:
    """An iterator that never ends; `read` tells how many inputs were taken of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.read = folder, 0

    def __iter__(self) -> Iterator[Path]:
        for number in itertools.count():
            self.read = number + 1
            yield self.folder / f"{number % COUNT}.png"


def keys(found: Iterator[Any]) -> list[Any]:
    return [item.key for item, _ in found]


# ----- generators --------------------------------------------------------------------------------------


def test_a_generator_is_read_no_further_than_prefetch(session, folder):
    inputs = Counted(folder)
    arrays = session.arrays(PIPE, iter(inputs), prefetch=3)
    next(arrays)
    assert inputs.read <= 3
    arrays.close()


def test_a_generator_is_read_on_as_its_arrays_are_taken(session, folder):
    inputs = Counted(folder)
    arrays = session.arrays(PIPE, iter(inputs), prefetch=3)
    for _ in range(10):
        next(arrays)
    assert 10 <= inputs.read <= 12
    arrays.close()


def test_without_a_number_some_inputs_for_each_worker_are_read(session, folder):
    inputs = Counted(folder)
    arrays = session.arrays(PIPE, iter(inputs))
    next(arrays)
    assert inputs.read <= 64
    arrays.close()


def test_one_at_a_time_is_possible(session, folder):
    inputs = Counted(folder)
    arrays = session.arrays(PIPE, iter(inputs), prefetch=1)
    assert [(next(arrays)[0].index, inputs.read) for _ in range(4)] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    arrays.close()


def test_lists_obey_prefetch_too(session, folder):
    given = [folder / f"{n % COUNT}.png" for n in range(40)]
    assert len(list(session.arrays(PIPE, given, prefetch=2))) == 40


def test_the_bytes_that_wait_are_limited(session, data, monkeypatch):
    monkeypatch.setattr("imgpar.batch.feed.ROOM", len(data[0]) + 1)
    read = list[int]()
    contents = (read.append(n) or data[n % COUNT] for n in itertools.count())
    arrays = session.arrays(PIPE, contents)
    next(arrays)
    assert len(read) <= 3
    arrays.close()


def test_an_array_comes_while_the_generator_waits(session, folder):
    """As with inputs that arrive from somewhere: the next one may take a day."""
    more = threading.Event()

    def inputs():
        yield folder / "0.png"
        assert more.wait(30)
        yield folder / "1.png"

    arrays = session.arrays(PIPE, inputs())
    first, _ = next(arrays)
    more.set()
    assert [first.index, *(item.index for item, _ in arrays)] == [0, 1]


def test_an_exception_of_the_generator_is_raised_as_it_is(session, folder):
    def inputs():
        yield folder / "0.png"
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        list(session.arrays(PIPE, inputs()))
    assert "inputs" in [entry.name for entry in caught.traceback]


def test_what_comes_before_that_exception_is_yielded(session, folder):
    def inputs():
        yield from (folder / "0.png", folder / "1.png")
        raise ZeroDivisionError

    found = list[int]()
    with pytest.raises(ZeroDivisionError):
        found.extend(item.index for item, _ in session.arrays(PIPE, inputs()))
    arrays = session.arrays(PIPE, inputs())
    assert [next(arrays)[0].index, next(arrays)[0].index] == [0, 1]
    arrays.close()


def test_the_consumer_may_leave_while_the_generator_waits(session, folder):
    never = threading.Event()

    def inputs():
        yield folder / "0.png"
        never.wait(60)

    arrays = session.arrays(PIPE, inputs())
    next(arrays)
    arrays.close()
    never.set()
    assert len(list(session.arrays(PIPE, folder / "1.png"))) == 1


def test_a_generator_is_read_whole_where_it_is_sorted(session, folder):
    names = (folder / f"{n}.png" for n in (1, 3, 0))
    found = session.arrays(PIPE, names, sort="name:desc")
    assert [Path(item.path).name for item, _ in found] == ["3.png", "1.png", "0.png"]


def test_conditions_choose_from_a_generator(session, folder):
    names = (folder / f"{n}.png" for n in (1, 3, 0))
    found = session.arrays(PIPE, names, where="name!=3.png", prefetch=1)
    assert [Path(item.path).name for item, _ in found] == ["1.png", "0.png"]


def test_a_generator_may_yield_archives(session, folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(folder / "4.png", "x/4.png")
    found = [array for _, array in session.arrays(PIPE, iter([folder / "1.png", tmp_path / "a.zip"]))]
    assert [np.array_equal(array, pattern(seed)) for array, seed in zip(found, (1, 4), strict=True)] == [
        True
    ] * 2


def test_a_source_in_a_generator_is_refused_in_one_sentence(session, data):
    with pytest.raises(imgpar.UsageError, match="Give the inputs as a list"):
        list(session.arrays(PIPE, iter([imgpar.MemorySource({"a.png": data[0]})])))


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "session.close()"])
def test_python_may_end_while_the_generator_waits(folder, end):
    """Nothing is written but what the script says."""
    code = f"""
import imgpar, threading
def inputs():
    yield {str(folder / "0.png")!r}
    threading.Event().wait()
session = imgpar.Session(jobs=1)
arrays = session.arrays(imgpar.Pipeline(), inputs())
print(next(arrays)[0].index, flush=True)
{end}
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


# ----- contents ------------------------------------------------------------------------------------------


def test_the_key_of_a_content_is_the_callers(session, data):
    given = [(("set", 7), data[0]), ("b", data[1]), (3, data[2])]
    assert keys(session.arrays(PIPE, given)) == [("set", 7), "b", 3]


def test_a_mapping_has_keys_and_contents(session, data):
    assert keys(session.arrays(PIPE, {"x": data[0], "y": data[1]})) == ["x", "y"]


def test_a_path_may_have_a_key(session, folder):
    ((item, _),) = session.arrays(PIPE, [("label", folder / "1.png")])
    assert (item.key, item.path) == ("label", str(folder / "1.png"))


def test_equal_keys_are_two_results(session, data):
    found = [array for _, array in session.arrays(PIPE, [("a", data[1]), ("a", data[2])])]
    assert all(np.array_equal(array, pattern(seed)) for array, seed in zip(found, (1, 2), strict=True))


HANDED = {
    "bytes": lambda folder, data: data[2],
    "bytearray": lambda folder, data: bytearray(data[2]),
    "memoryview": lambda folder, data: memoryview(data[2]),
    "file": lambda folder, data: open(folder / "2.png", "rb"),  # noqa: SIM115
    "BytesIO": lambda folder, data: io.BytesIO(data[2]),
    "array": lambda folder, data: pattern(2),
    "view": lambda folder, data: pattern(2)[:, ::-1][:, ::-1],
    "Pillow": lambda folder, data: Image.open(folder / "2.png"),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", HANDED)
def test_a_content_gives_its_pixels(session, folder, data, kind):
    ((_, array),) = session.arrays(PIPE, HANDED[kind](folder, data))
    assert np.array_equal(array, pattern(2))


def test_inputs_of_all_kinds_may_be_mixed(session, folder, data):
    given = [
        folder / "0.png",
        ("k", data[1]),
        pattern(2),
        Image.open(folder / "3.png"),
        str(folder / "4*.png"),
    ]
    for seed, (_, array) in enumerate(session.arrays(PIPE, given)):
        assert np.array_equal(array, pattern(seed))


def test_the_files_of_contents_are_removed(session, data, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    list(session.arrays(PIPE, data))
    assert list(tmp_path.iterdir()) == []


def test_a_content_that_is_no_picture_names_its_key(session):
    with pytest.raises(imgpar.UnknownFormatError, match="memory://inputs/k: "):
        list(session.arrays(PIPE, [("k", b"not a picture")]))


def test_a_file_of_the_caller_that_fails_is_an_error_of_its_item(session, folder):
    closed = io.BytesIO(b"")
    closed.close()
    found = list(session.arrays(PIPE, [closed, folder / "1.png"], errors="yield"))
    assert [str(item.error) for item, _ in found] == ["ValueError: I/O operation on closed file.", "None"]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(("channels", "count"), [("L", 0), ("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)])
def test_arrays_come_back_as_they_were_given(session, dtype, channels, count):
    shape = (5, 7, count) if count else (5, 7)
    values = np.random.default_rng(1).random(shape, dtype=np.float32)
    given = values if dtype == "float32" else (values * np.iinfo(dtype).max).astype(dtype)
    ((_, array),) = session.arrays(PIPE, given, channels=channels, dtype=dtype)
    assert np.array_equal(array.reshape(shape), given)


def test_an_array_of_pictures_is_as_many_inputs(session):
    assert len(list(session.arrays(PIPE, np.stack([pattern(0), pattern(1)])))) == 2


@pytest.mark.parametrize("kind", [list, iter, tuple])
def test_arrays_of_pictures_in_a_list_are_as_many_inputs(session, kind):
    given = [np.stack([pattern(0), pattern(1)]), pattern(2)]
    assert [item.index for item, _ in session.arrays(PIPE, kind(given))] == [0, 1, 2]


def test_an_array_of_pictures_has_no_key_of_its_own(session):
    with pytest.raises(imgpar.UsageError, match=r"key 'k' has several pictures.*Give each a key"):
        session.arrays(PIPE, {"k": np.stack([pattern(0), pattern(1)])})


def test_a_key_is_hashable(session):
    with pytest.raises(imgpar.BadValueError, match="a hashable value"):
        session.arrays(PIPE, [([1], b"")])


def test_an_empty_array_is_called_empty(session):
    with pytest.raises(imgpar.UsageError, match=r"\(0, 5, 3\), which is empty"):
        session.arrays(PIPE, np.zeros((0, 5, 3), np.uint8))


@pytest.mark.parametrize("call", [PIPE.array, lambda file: next(PIPE.arrays(file, jobs=0))[1]])
def test_a_file_that_was_just_written_is_read_from_its_beginning(data, call):
    file = io.BytesIO()
    file.write(data[0])
    assert np.array_equal(call(file), pattern(0))


def test_one_file_may_be_given_twice(session, data):
    file = io.BytesIO(data[0])
    assert len(list(session.arrays(PIPE, [file, file]))) == 2


def of_mode(mode: str) -> tuple[Image.Image, np.ndarray[Any, Any]]:
    """A picture of Pillow in a mode, and its pixels."""
    grey = pattern(1)[..., 0]
    if mode in ("I;16", "F"):
        pixels = grey.astype(np.uint16) * 257 if mode == "I;16" else grey.astype(np.float32) / np.float32(255)
        return Image.fromarray(pixels), pixels
    picture = Image.fromarray(pattern(1)).convert(mode)
    return picture, np.asarray(picture.convert({"1": "L", "P": "RGB"}.get(mode, mode)))


def of_16_bits(mode: str) -> Image.Image:
    """A picture of Pillow with 16 bits of grey in an order of bytes."""
    order = {"I;16L": "<", "I;16B": ">"}.get(mode, "=")
    pixels = np.arange(0, 35 * 1800, 1800).reshape(5, 7).astype(f"{order}u2")
    return Image.frombytes(mode, (7, 5), pixels.tobytes())


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B", "I;16N"])
def test_either_order_of_bytes_in_pillow_keeps_its_values(session, mode):
    ((_, array),) = session.arrays(PIPE, of_16_bits(mode), channels="l", dtype="uint16")
    assert np.array_equal(array.squeeze(), np.arange(0, 35 * 1800, 1800).reshape(5, 7))


def test_encode_keeps_the_order_of_bytes_of_pillow():
    assert PIPE.encode(of_16_bits("I;16B"), to="png") == PIPE.encode(of_16_bits("I;16"), to="png")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "F"])
def test_pictures_of_pillow_keep_their_values(session, mode):
    picture, pixels = of_mode(mode)
    channels = {"1": "L", "P": "RGB", "I;16": "L", "F": "L"}.get(mode, mode)
    ((_, array),) = session.arrays(PIPE, picture, channels=channels, dtype=pixels.dtype.name)
    assert np.array_equal(array.squeeze(), pixels)


def test_the_profile_of_a_picture_of_pillow_counts(session, tmp_path):
    picture = Image.fromarray(pattern(1))
    picture.info["icc_profile"] = P3
    picture.save(tmp_path / "a.tif", icc_profile=P3)
    handed, saved = (array for _, array in session.arrays(PIPE, [picture, tmp_path / "a.tif"]))
    assert np.array_equal(handed, saved)
    assert not np.array_equal(handed, pattern(1))


BAD = {
    "a number": 3.5,
    "a shape": np.zeros((3, 4, 5), np.uint8),
    "float64": np.zeros((3, 4)),
    "nothing": np.zeros((0, 4), np.uint8),
    "text mode": io.StringIO("a"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_input_is_refused_when_it_is_given(session, kind):
    with pytest.raises(imgpar.UsageError):
        session.arrays(PIPE, [BAD[kind]])


# ----- lists and addresses ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(data):
    with HttpServer({f"/{n}.png": Page(content) for n, content in enumerate(data)}) as server:
        yield server


def test_addresses_keep_their_places_among_paths(session, folder, server):
    given = [server.url("/3.png"), folder / "0.png", server.url("/3.png"), server.url("/1.png")]
    found = [array for _, array in session.arrays(PIPE, given, allow_private=True)]
    for array, seed in zip(found, (3, 0, 3, 1), strict=True):
        assert np.array_equal(array, pattern(seed))


def test_a_generator_of_addresses_is_read_as_needed(session, server):
    read = list[int]()
    inputs = (read.append(n) or server.url(f"/{n % COUNT}.png") for n in itertools.count())
    arrays = session.arrays(PIPE, inputs, prefetch=2, allow_private=True)
    next(arrays)
    assert len(read) <= 2
    arrays.close()


def test_an_address_may_have_a_key(session, server):
    given = [(7, server.url("/1.png"))]
    assert keys(session.arrays(PIPE, given, allow_private=True)) == [7]


def test_an_address_that_fails_has_its_place(session, folder, server):
    given = [("a", server.url("/none.png")), folder / "1.png"]
    found = list(session.arrays(PIPE, given, errors="yield", allow_private=True))
    assert [(item.key, item.error is None) for item, _ in found] == [
        ("a", False),
        (str(folder / "1.png"), True),
    ]


def test_the_rows_of_a_list_keep_their_order(session, folder, server, tmp_path):
    table = tmp_path / "rows.csv"
    rows = [f"{folder}/1.png,one", f"{server.url('/0.png')},two", f"{folder}/1.png,three"]
    table.write_text("\n".join(["url,key", *rows]))
    listed = imgpar.InputList(table, key_column="key")
    assert keys(session.arrays(PIPE, listed, allow_private=True)) == ["one", "two", "three"]


# ----- one picture, in this process --------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", HANDED)
def test_one_picture_needs_no_workers(folder, data, kind):
    assert np.array_equal(PIPE.array(HANDED[kind](folder, data)), pattern(2))


def test_one_picture_may_be_a_path(folder):
    assert np.array_equal(PIPE.array(folder / "2.png"), pattern(2))


def test_one_picture_is_the_array_of_the_workers(session, folder):
    pipe = PIPE.resize("10").blur(1.0)
    ((_, array),) = session.arrays(pipe, folder / "2.png", channels="LA", dtype="float32")
    assert np.array_equal(pipe.array(folder / "2.png", channels="LA", dtype="float32"), array)


def test_one_array_belongs_to_the_caller(folder):
    array = PIPE.array(folder / "2.png")
    array[:] = 0
    assert (array.flags.c_contiguous, array.any()) == (True, False)


def test_one_picture_obeys_the_limit_of_pixels(data):
    with pytest.raises(imgpar.LimitError):
        PIPE.array(data[0], max_pixels=10)


NO_PICTURE = {
    "a path that is not there": ("none.png", imgpar.SourceError, "does not exist"),
    "an address": ("https://host/a.png", imgpar.UsageError, "there is arrays"),
    "a key": (("k", b"P5 1 1 255 x"), imgpar.UsageError, "there is arrays"),
    "some bytes": (b"no picture", imgpar.UnknownFormatError, "known"),
}


@pytest.mark.parametrize("kind", NO_PICTURE)
def test_what_is_no_picture_is_one_sentence(kind):
    given, error, words = NO_PICTURE[kind]
    with pytest.raises(error, match=words):
        PIPE.array(given)
