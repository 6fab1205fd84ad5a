"""Pipelines as functions, and pickled: what `map` of other frameworks needs."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cloudpickle
import numpy as np
import pytest

import imgpar
from imgpar import testing
from imgpar.ops.function_digest import fingerprint

PICTURE = testing.pattern(48, 32, 1)
PIPE = imgpar.Pipeline().resize("50%").sharpen(0.5)


def inverted(array: np.ndarray) -> np.ndarray:
    return 255 - array


def content(array: np.ndarray = PICTURE) -> bytes:
    height, width, _ = array.shape
    return imgpar.Pipeline().encode(b"P6 %d %d 255 " % (width, height) + array.tobytes(), to="png")


# ----- calls ----------------------------------------------------------------------------------------


def test_bytes_become_bytes():
    assert PIPE(content()) == PIPE.encode(content())


def test_an_array_gets_the_operations():
    mirrored = imgpar.Pipeline().flip("horizontal")(PICTURE)
    assert np.array_equal(mirrored, PICTURE[:, ::-1])


def test_the_pixels_are_those_of_a_file(tmp_path):
    (tmp_path / "a.png").write_bytes(content())
    with imgpar.Session(jobs=0, memory="64M") as session:
        ((_, array),) = session.arrays(PIPE, tmp_path)
    assert np.array_equal(PIPE(PICTURE), array)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("shape", [(32, 48), (32, 48, 1), (32, 48, 2), (32, 48, 3), (32, 48, 4)])
def test_an_array_keeps_type_and_channels(shape, dtype):
    made = PIPE(np.ones(shape, dtype))
    assert (made.shape, made.dtype) == ((16, 24, *shape[2:]), dtype)


def test_colours_of_an_array_that_become_grey_keep_their_channels():
    made = imgpar.Pipeline().grey()(PICTURE)
    assert made.shape == PICTURE.shape
    assert np.ptp(made, axis=2).max() == 0


def test_a_view_is_read_as_it_is():
    assert np.array_equal(imgpar.Pipeline().flip("vertical")(PICTURE[::2, ::-1]), PICTURE[::2, ::-1][::-1])


@pytest.mark.parametrize("pipe", [imgpar.Pipeline(), PIPE])
def test_the_result_is_memory_of_its_own(pipe):
    given = PICTURE.copy()
    pipe(given)[...] = 0
    assert np.array_equal(given, PICTURE)


@pytest.mark.parametrize("given", [PICTURE.astype(float), PICTURE > 3, PICTURE[0, 0], PICTURE[:0]])
def test_another_array_is_refused(given):
    with pytest.raises(imgpar.UsageError, match="an array H×W"):
        PIPE(given)


def test_a_path_is_refused():
    with pytest.raises(imgpar.UsageError, match="the bytes of a picture file or a numpy array"):
        PIPE("a.jpg")


def test_several_outputs_of_an_array_are_refused():
    with pytest.raises(imgpar.UsageError, match=r"A call takes no recipe with \[\[output\]\] tables"):
        imgpar.Pipeline().output(resize="10")(PICTURE)


def test_threads_may_share_a_pipeline():
    with ThreadPoolExecutor(4) as executor:
        made = list(executor.map(PIPE, [PICTURE] * 40))
    assert all(np.array_equal(each, made[0]) for each in made)


def test_a_call_loads_numpy_for_arrays_only():
    program = "import imgpar, sys; imgpar.Pipeline(); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# ----- pickles --------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", [pickle, cloudpickle])
@pytest.mark.parametrize(
    "pipe",
    [imgpar.Pipeline(), PIPE, imgpar.Pipeline().output(PIPE, to="webp"), PIPE.apply(inverted)],
    ids=["empty", "operations", "outputs", "function"],
)
def test_a_pickled_pipeline_is_equal(pipe, library):
    assert pickle.loads(library.dumps(pipe)) == pipe


@pytest.mark.parametrize("library", [pickle, cloudpickle])
def test_a_lambda_is_pickled_by_value(library):
    distance = 3
    pipe = imgpar.Pipeline().apply(lambda array: array + distance)
    assert np.array_equal(pickle.loads(library.dumps(pipe))(PICTURE), pipe(PICTURE))


def test_a_lambda_in_an_output_is_pickled():
    pipe = imgpar.Pipeline().output(imgpar.Pipeline().apply(lambda array: array))
    assert repr(pickle.loads(pickle.dumps(pipe))) == repr(pipe)


def test_what_cannot_be_pickled_is_said():
    lock = threading.Lock()
    with pytest.raises(imgpar.UsageError, match="cannot be sent to worker processes"):
        pickle.dumps(imgpar.Pipeline().apply(lambda array: lock and array))


def test_a_longer_pipeline_is_made_without_pickling():
    lock = threading.Lock()
    pipe = imgpar.Pipeline().apply(lambda array: lock and array)
    assert np.array_equal(pipe.flip("vertical")(PICTURE), PICTURE[::-1])


def test_functions_of_a_script_reach_a_spawned_process():
    program = """
import multiprocessing, imgpar, numpy
pipe = imgpar.Pipeline().apply(lambda array: 255 - array)
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(pipe, [numpy.ones((1, 1), "uint8")]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[array([[254]], dtype=uint8)]\n", "")


OF_THE_SCRIPT = """
import concurrent.futures, multiprocessing, sys
import numpy
import imgpar

def invert(array):
    return 255 - array

def work(data):
    pipe = imgpar.Pipeline().apply(invert)
    arrays = [array for _, array in pipe.arrays([data], jobs=1, memory="64M")]
    sink = imgpar.MemorySink()
    report = pipe.run(imgpar.MemorySource({"a.pgm": data}), sink, to="png", jobs=1, memory="64M")
    made = pipe.encode(data, to="png", timeout=60, memory="64M")
    return int(arrays[0][0, 0, 0]), report.ok, imgpar.Pipeline().array(made)[0, 0, 0].item()

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        print(pool.submit(work, b"P5 1 1 255 \\1").result())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="forkserver")
@pytest.mark.parametrize("method", [pytest.param("spawn", marks=pytest.mark.slow), "forkserver"])
def test_functions_of_a_script_reach_the_workers_of_a_child(method: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(OF_THE_SCRIPT)
    done = subprocess.run([sys.executable, script, method], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(254, 1, 254)\n", "")


def test_a_class_of_the_script_has_the_same_digest_in_a_child() -> None:
    def used(module: str) -> object:
        kind = type("Model", (), {"__module__": module})
        return fingerprint((kind, kind()))

    assert used("__mp_main__") == used("__main__")
