"""What holds for every operation, whatever it does: the contract of imgpar/operations/base.py."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, PEAK, film_cube, garbage, picture, psnr, run, seen
from PIL import Image

from imgpar.core.spec import ITEM_BYTES, Frame, Spec
from imgpar.ops import Operation, operation_types
from imgpar.recipe.recipe import Recipe
from imgpar.recipe.tables import make_operation

# Beside the example of its first field, which every operation brings along.
FURTHER: dict[str, list[dict[str, object]]] = {
    "resize": [
        {"resize": "20x30", "fit": "cover", "gravity": "north"},
        {"resize": "30x30", "fit": "contain"},
        {"resize": "70x30", "fit": "contain", "background": "#ff000080"},
        {"resize": "17x90", "fit": "fill"},
        {"resize": "100x", "enlarge": True},
        {"resize": "50%"},
        {"resize": "3x2mm", "fit": "cover", "gravity": "attention"},
        {"resize": "30x", "kernel": "nearest"},
        {"resize": "30x", "kernel": "bicubic", "sharpen_after": 0.5},
    ],
    "crop": [
        {"crop": "21x11"},
        {"crop": "1:1", "gravity": "east"},
        {"crop": "20x10+3+5"},
        {"crop": "1:1", "gravity": "attention"},
        {"crop": "50%", "gravity": "entropy"},
        {"crop": "3mm"},
    ],
    "border": [{"border": "5%,3", "colour": "#ff000080"}, {"border": "30", "edges": "mirror"}],
    "shadow": [{"shadow": "0", "offset": "-4,3", "colour": "red"}],
    "autocrop": [{"autocrop": 100, "background": "black"}],
    "pad": [
        {"pad": "80x50"},
        {"pad": "1:1", "background": "red"},
        {"pad": "1:1", "background": "transparent"},
    ],
    "rotate": [
        {"rotate": 180},
        {"rotate": 270},
        {"rotate": 0},
        {"rotate": 12.5},
        {"rotate": -33, "background": "transparent"},
        {"rotate": 10, "background": "#00f"},
    ],
    "flip": [{"flip": "vertical"}],
    "brightness": [{"brightness": 0.5}, {"brightness": 1}],
    "contrast": [{"contrast": 0.4}],
    "saturation": [{"saturation": 0}],
    "sharpen": [{"sharpen": True}, {"sharpen": 2, "sigma": 3}, {"sharpen": 1, "threshold": 4}],
    "gamma": [{"gamma": 0.6}, {"gamma": 1}],
    "levels": [{"levels": "20%,70%,1.4"}, {"levels": "0,255"}],
    "auto_contrast": [{"auto_contrast": "2%", "separate": True}, {"auto_contrast": 0}],
    "clahe": [{"clahe": 4, "tiles": "3x2"}],
    "white_balance": [{"white_balance": "auto"}, {"white_balance": 6500}],
    "tint": [{"tint": "#606060"}, {"tint": "teal", "strength": 0.3}],
    "sepia": [{"sepia": True}],
    "hue": [{"hue": 0}, {"hue": -40}],
    "lut": [{"lut": "film.cube", "strength": 0.4}, {"lut": "curves.cube"}],
    "denoise": [{"denoise": 20}, {"denoise": 0}],
    "median": [{"median": 5}],
    "vignette": [{"vignette": 1, "start": 0}],
    "replace_colour": [
        {"replace_colour": "#808080", "replacement": "red"},
        {"replace_colour": "#c0c0c0", "replacement": "#0000ff80", "tolerance": "20%", "softness": 30},
    ],
    "posterise": [{"posterise": 2}],
    "composite": [
        {"composite": "logo.png", "blend": "multiply", "stretch": True},
        {"composite": "logo.png", "blend": "overlay", "opacity": "60%", "scale": 0.5, "gravity": "north"},
        {"composite": "logo.png", "blend": "difference", "margin": 3},
        {"composite": "logo.png", "blend": "under", "stretch": True},
    ],
    "pixelate": [
        {"pixelate": "all", "block": 5},
        {"pixelate": "9x9+0+0,10x10+2.5%+50%", "block": 4},
        {"pixelate": "20x20+0+0", "method": "blur"},
    ],
    "redact": [{"redact": "9x9+0+0, 50%x1%+50%+0", "fill": "red"}, {"redact": "all", "fill": "#00800080"}],
    "qr": [{"qr": "a", "side": "100%", "bright": "transparent", "gravity": "centre"}],
    "bilevel": [{"bilevel": "adaptive"}, {"bilevel": "50%"}],
    "blur": [{"blur": 0}, {"blur": 0.7}],
    "watermark": [{"watermark": "logo.png", "gravity": "centre", "opacity": "40%", "tile": True}],
    "watermark_text": [
        {"watermark_text": "a\\nb", "colour": "red", "tile": True, "outline": "black", "size": 12}
    ],
}


def tables() -> list[dict[str, object]]:
    """One recipe table per case."""
    found = []
    for name, kind in operation_types().items():
        first = next(iter(kind.options().values()), None)
        found += [{name: first.example if first else True}, *FURTHER.get(name, [])]
    return found


def make(table: dict[str, object]) -> Operation:
    return Recipe.from_dict({"operations": [table]}).operations[0]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a logo with soft edges, and with look-up tables."""
    folder = tmp_path_factory.mktemp("examples")
    alpha = np.clip(np.hypot(*np.mgrid[-8:8, -8:8]) * 40, 0, 255).astype(np.uint8)
    pixels = np.dstack([np.full_like(alpha, 200), np.full_like(alpha, 40), alpha // 2, 255 - alpha])
    Image.fromarray(pixels).save(folder / "logo.png")
    (folder / "film.cube").write_text(film_cube(9))
    (folder / "curves.cube").write_text("LUT_1D_SIZE 3\n0.1 0.1 0.1\n0.4 0.4 0.4\n1 1 1\n")
    return folder


@pytest.fixture(autouse=True)
def where_the_examples_are(examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are where the tables of these tests expect them."""
    monkeypatch.chdir(examples)


def label(table: dict[str, object]) -> str:
    return ",".join(f"{key}={value}" for key, value in table.items())


by_case = pytest.mark.parametrize("table", tables(), ids=label)
by_name = pytest.mark.parametrize("name", operation_types())
KINDS = list(product(LAYOUTS, DTYPES))


@by_case
def test_every_pixel_is_written_and_the_source_left_alone(table: dict[str, object]) -> None:
    operation = make(table)
    for layout, dtype in KINDS:
        src = picture(layout, dtype)
        before = src.array.copy()
        first, second = run(operation, src, seed=1), run(operation, src, seed=2)
        assert first.spec == operation.settled([src]).plan(src.spec)
        np.testing.assert_array_equal(first.array, second.array, f"{layout} {dtype}: pixels are left out")
        np.testing.assert_array_equal(src.array, before, f"{layout} {dtype}: the source is changed")


@by_case
def test_padding_is_opaque_whatever_it_was(table: dict[str, object]) -> None:
    for dtype in DTYPES:
        dst = run(make(table), picture("RGBX", dtype))
        if dst.spec.channels == 4:
            assert dst.spec.layout == "RGBA" or (dst.array[..., 3] == PEAK[dtype]).all(), dtype


@by_case
def test_all_depths_look_the_same(table: dict[str, object]) -> None:
    operation = make(table)
    for layout in LAYOUTS:
        exact = seen(run(operation, picture(layout, "float32")))
        for dtype in ("uint8", "uint16"):
            assert psnr(seen(run(operation, picture(layout, dtype))), exact) >= 45, (layout, dtype)


@by_case
def test_an_idle_operation_changes_nothing(table: dict[str, object]) -> None:
    for layout in LAYOUTS:
        src, count = picture(layout), 3 if layout == "RGBX" else 4
        src.array[0, 0] = 255  # an opaque white pixel, for what depends on colours
        operation = make(table).settled([src])
        same = run(operation, src)
        if operation.idle(src.spec):
            assert same.spec == src.spec
            np.testing.assert_array_equal(same.array[..., :count], src.array[..., :count], layout)
        else:
            assert same.spec != src.spec or (seen(same) != seen(src)).any(), layout


@pytest.mark.parametrize(
    "table", [t for t in tables() if "+" not in str(t.get("crop")) and "qr" not in t], ids=label
)
def test_slivers_work(table: dict[str, object]) -> None:
    operation = make(table)
    for size, layout, dtype in product([(1, 1), (1, 9), (300, 2)], LAYOUTS, ("uint8", "float32")):
        made = run(operation, picture(layout, dtype, *size))
        assert np.isfinite(made.array).all(), (size, layout, dtype)


@by_case
def test_results_land_in_shared_memory_that_can_be_given_back(table: dict[str, object]) -> None:
    src = picture("RGBX")
    operation = make(table).settled([src])
    spec = operation.plan(src.spec)
    memory = bytearray(spec.nbytes * ITEM_BYTES[spec.dtype])
    view = memoryview(memory)
    array = np.frombuffer(view, spec.dtype, spec.nbytes).reshape(spec.shape)
    operation.apply(src, Frame(spec, array))
    assert any(memory)
    del array
    view.release()
    memory.append(0)  # raises BufferError as long as anything looks into it


@by_case
def test_an_operation_is_the_same_after_a_journey(table: dict[str, object]) -> None:
    operation = make(table)
    assert pickle.loads(pickle.dumps(operation)) == operation
    assert hash(operation) == hash(make(table))


@by_case
def test_a_recipe_file_gives_the_same_operation(table: dict[str, object], tmp_path: Path) -> None:
    recipe = Recipe((make(table),))
    recipe.save(tmp_path / "saved.toml")
    assert Recipe.load(tmp_path / "saved.toml") == recipe


@by_name
def test_an_operation_says_what_it_is(name: str) -> None:
    kind = operation_types()[name]
    assert kind.summary
    assert kind.__doc__
    assert name.isidentifier()
    assert name == name.lower()


@by_name
def test_every_field_has_help_and_an_example_that_parses(name: str) -> None:
    for field, option in operation_types()[name].options().items():
        assert option.help, field
        if option.example:
            value = option.parse(option.example)
            assert option.parse(value) == value, field


@by_name
def test_the_first_field_has_an_example(name: str) -> None:
    options = operation_types()[name].options()
    assert not options or next(iter(options.values())).example


def test_no_field_has_the_name_of_an_operation() -> None:
    fields = {field for kind in operation_types().values() for field in kind.options()}
    assert not fields & set(operation_types())


def test_operations_are_found_without_numpy_cv2_or_pillow() -> None:
    code = (
        "import sys; from imgpar.recipe.recipe import Recipe; Recipe.builtin('web');"
        "print(sorted({'numpy', 'cv2', 'PIL'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert result.stdout.strip() == "[]"


# Contrast takes its mean from all pixels, as Pillow does.
@pytest.mark.parametrize("table", [t for t in tables() if "contrast" not in t], ids=label)
def test_colours_under_full_transparency_never_show(table: dict[str, object]) -> None:
    operation = make(table)
    for src in (picture("LA"), picture("RGBA")):
        other = Frame(src.spec, src.array.copy())
        hidden = src.array[..., -1] == 0
        assert hidden.any()
        other.array[hidden, :-1] = 255 - other.array[hidden, :-1]
        assert psnr(seen(run(operation, src)), seen(run(operation, other))) >= 55, src.spec.layout


def test_garbage_is_garbage() -> None:
    spec = Spec(5, 4)
    assert (garbage(spec, 1).array != garbage(spec, 2).array).any()


def test_an_unknown_operation_gets_a_suggestion() -> None:
    with pytest.raises(Exception, match=r"There is no operation resise. Did you mean 'resize'"):
        make_operation("resise", 5)
