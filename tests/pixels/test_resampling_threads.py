"""Several threads scale a picture that is alone: the same bytes, whatever their number."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgpar.core.spec import Frame, Spec
from imgpar.core.threads import on_cores
from imgpar.pixels.resampling import fast, resample

pytestmark = pytest.mark.skipif(not fast(), reason="cykooz.resizer is not installed")

TASKS = Path("/proc/self/task")


def scaled(source: Frame, cores: int, size: tuple[int, int] = (501, 333)) -> bytes:
    spec = source.spec.resized(*size)
    result = Frame(spec, np.empty(spec.shape, spec.dtype))
    with on_cores(cores):
        resample(source, result)
    return result.array.tobytes()


@pytest.fixture(scope="module")
def noise() -> Callable[[Spec], Frame]:
    source = np.random.default_rng(5)
    return lambda spec: Frame(spec, source.integers(0, 256, spec.shape, np.uint8).astype(spec.dtype))


@pytest.mark.parametrize(
    "spec",
    [
        Spec(2002, 1331, "RGB"),
        Spec(2002, 1331, "RGBA"),
        Spec(4003, 1331, "L"),
        Spec(2002, 1331, "LA"),
        Spec(1003, 1331, "RGB", "uint16"),
        Spec(503, 1331, "RGBA", "float32"),
    ],
    ids=lambda spec: f"{spec.layout}-{spec.dtype}",
)
def test_the_number_of_threads_changes_no_byte(spec: Spec, noise: Callable[[Spec], Frame]) -> None:
    source = noise(spec)
    assert scaled(source, 3) == scaled(source, 1)


def test_parts_of_pixels_are_the_same_too(noise: Callable[[Spec], Frame]) -> None:
    source = noise(Spec(2002, 1331, "RGBX"))
    made = []
    for cores in (1, 4):
        result = Frame(Spec(900, 700, "RGBX"), np.empty((700, 900, 4), np.uint8))
        with on_cores(cores):
            resample(source, result, (3.25, 7.5, 1990.125, 1322.75))
        made.append(result.array.tobytes())
    assert made[0] == made[1]


@pytest.mark.skipif(not TASKS.is_dir(), reason="the system does not list threads")
def test_a_large_picture_is_scaled_by_threads(noise: Callable[[Spec], Frame]) -> None:
    before = len(os.listdir(TASKS))
    scaled(noise(Spec(2002, 1331, "RGBX")), 7)
    assert len(os.listdir(TASKS)) - before >= 2


@pytest.mark.skipif(not TASKS.is_dir(), reason="the system does not list threads")
def test_a_small_picture_needs_none(noise: Callable[[Spec], Frame]) -> None:
    before = len(os.listdir(TASKS))
    scaled(noise(Spec(200, 133, "RGBX")), 6, (50, 33))
    assert len(os.listdir(TASKS)) == before
