"""Where libturbojpeg is found: on the system, and in a wheel."""

from __future__ import annotations

import ctypes
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgpar.formats.jpeg import turbo

in_wheel = pytest.mark.skipif(not list(turbo.in_wheel()), reason="pylibjxl is not installed")


@pytest.fixture
def without_system(monkeypatch):
    """A machine whose system has no libturbojpeg."""
    monkeypatch.setattr(turbo, "_PLACES", {})
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    turbo.library.cache_clear()
    yield
    turbo.library.cache_clear()


@in_wheel
def test_the_wheel_exports_every_function(without_system) -> None:
    assert turbo.library() is not None


@in_wheel
def test_the_library_of_the_wheel_is_no_beta_of_the_third_version() -> None:
    """TurboJPEG 3.1 and later has this function; the betas of 2023 and their known faults do not."""
    (place,) = turbo.in_wheel()
    assert hasattr(ctypes.CDLL(place), "tj3GetICCProfile")


@in_wheel
def test_a_jpeg_is_turned_by_the_library_of_the_wheel(without_system) -> None:
    picture = Image.fromarray(np.arange(64 * 32 * 3, dtype=np.uint32).reshape(32, 64, 3).astype(np.uint8))
    data = io.BytesIO()
    picture.save(data, "JPEG", subsampling=2)
    turned = turbo.turn_coefficients(data.getvalue(), 6, progressive=False)
    assert Image.open(io.BytesIO(turned)).size == (32, 64)


def test_a_wheel_without_these_functions_is_passed_over(without_system, monkeypatch, tmp_path: Path) -> None:
    other = next(iter(Path(np.__file__).parent.rglob("_multiarray_umath*")))
    package = tmp_path / "pylibjxl"
    package.mkdir()
    (package / "__init__.py").touch()
    suffix = turbo.EXTENSION_SUFFIXES[0]
    (package / f"_pylibjxl{suffix}").write_bytes(other.read_bytes())
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert [Path(place).parent for place in turbo.in_wheel()] == [package]
    assert turbo.library() is None
