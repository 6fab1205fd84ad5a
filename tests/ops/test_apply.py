"""apply: the user's own function."""

from __future__ import annotations

import functools
from collections.abc import Callable

import cloudpickle
import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, Array, picture, unit

from imgpar.core.errors import TransformError
from imgpar.core.spec import Layout
from imgpar.ops import operation_types
from imgpar.ops.apply import Apply
from imgpar.ops.function_digest import fingerprint

STRENGTH = 2


def negative(array: Array) -> Array:
    return 255 - array


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_function_gets_a_writable_rgb_array_of_its_own(layout: Layout, dtype: str) -> None:
    src, seen = picture(layout, dtype), []
    before = src.array.copy()

    def look(array: Array) -> Array:
        seen.append(array.copy())
        array[...] = 0
        return array

    Apply(look).call(src)
    expected = np.repeat(unit(src)[..., :1], 3, 2) if src.spec.grey else unit(src)[..., :3]
    assert seen[0].dtype == np.uint8
    assert seen[0].flags.c_contiguous
    np.testing.assert_allclose(seen[0] / 255, expected, atol=1e-6)
    np.testing.assert_array_equal(src.array, before)


@pytest.mark.parametrize(("channels", "count"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_channels_can_be_chosen(channels: str, count: int) -> None:
    shapes = []
    Apply(lambda a: shapes.append((a.shape, a.dtype.name)) or a, channels, "float32").call(picture("RGBX"))  # type: ignore[arg-type,func-returns-value]
    assert shapes == [((43, 61, count), "float32")]


@pytest.mark.parametrize(
    ("shape", "dtype", "layout"),
    [
        ((5, 7), "uint8", "L"),
        ((5, 7, 1), "uint16", "L"),
        ((5, 7, 2), "uint8", "LA"),
        ((5, 7, 3), "float32", "RGB"),
        ((5, 7, 4), "uint8", "RGBA"),
    ],
)
def test_any_sensible_array_is_taken_back(shape: tuple[int, ...], dtype: str, layout: str) -> None:
    result = Apply(lambda _: np.ones(shape, dtype)).call(picture("RGB"))
    assert (result.spec.size, result.spec.layout, result.spec.dtype) == ((7, 5), layout, dtype)
    assert result.array.shape == result.spec.shape


def test_a_view_becomes_contiguous() -> None:
    result = Apply(lambda array: array[:, ::-1]).call(picture("RGB"))
    assert result.array.flags.c_contiguous
    np.testing.assert_array_equal(result.array, picture("RGB").array[:, ::-1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_transparency_is_put_back(dtype: str) -> None:
    src = picture("RGBA", dtype)
    result = Apply(negative).call(src)
    assert result.spec.layout == "RGBA"
    np.testing.assert_allclose(unit(result)[..., 3], unit(src)[..., 3], atol=1e-6)


def test_transparency_is_dropped_when_the_size_changes() -> None:
    assert Apply(lambda array: array[:10]).call(picture("RGBA")).spec.layout == "RGB"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "returned None. Let it return the array."),
        ("text", "returned a str. Return a numpy array"),
        (np.zeros((5, 7, 3), np.int64), "type int64"),
        (np.zeros((5, 7, 5), np.uint8), "shape \\(5, 7, 5\\)"),
        (np.zeros((0, 7, 3), np.uint8), "shape \\(0, 7, 3\\)"),
        (np.zeros(7, np.uint8), "shape \\(7,\\)"),
    ],
)
def test_anything_else_is_one_sentence(result: object, message: str) -> None:
    with pytest.raises(TransformError, match=message):
        Apply(lambda _: result).call(picture("RGB"))


def test_an_exception_names_the_function() -> None:
    def divide(_: Array) -> Array:
        raise ZeroDivisionError("by zero")

    with pytest.raises(TransformError, match="divide raised ZeroDivisionError: by zero") as caught:
        Apply(divide).call(picture("RGB"))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_lambda_survives_cloudpickle() -> None:
    shift = 3
    again = cloudpickle.loads(cloudpickle.dumps(Apply(lambda array: array + shift)))
    np.testing.assert_array_equal(again.call(picture("RGB")).array, picture("RGB").array + 3)


def test_apply_is_no_name_for_a_recipe() -> None:
    assert "apply" not in operation_types()


def test_the_identity_follows_the_code() -> None:
    assert Apply(lambda a: a + 1).identity() != Apply(lambda a: a + 2).identity()
    assert Apply(negative).identity() == Apply(negative).identity()
    assert Apply(negative).identity() != Apply(negative, "L").identity()


def test_the_identity_survives_cloudpickle() -> None:
    shift = 3
    function = lambda array: array + shift * STRENGTH  # noqa: E731
    assert fingerprint(cloudpickle.loads(cloudpickle.dumps(function))) == fingerprint(function)


def adding(n: int) -> Callable[[Array], Array]:
    return lambda array: array + n


def test_the_identity_follows_values_from_around() -> None:
    made = [lambda array, n=n: array + n for n in (1, 2)]
    closed = [adding(n) for n in (1, 2)]
    partial = [functools.partial(np.add, n) for n in (1, 2)]
    for one, other in (made, closed, partial):
        assert fingerprint(one) != fingerprint(other)


def test_the_identity_follows_constants_of_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    function = lambda array: array * STRENGTH  # noqa: E731
    before = fingerprint(function)
    monkeypatch.setitem(globals(), "STRENGTH", 3)
    assert fingerprint(function) != before


def test_the_identity_of_an_object_follows_its_attributes() -> None:
    class Gain:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def __call__(self, array: Array) -> Array:
            return array * self.factor

    assert fingerprint(Gain(1)) != fingerprint(Gain(2))
    assert fingerprint(Gain(1)) == fingerprint(Gain(1))
    assert fingerprint(Gain(1).__call__) != fingerprint(Gain(2).__call__)
