"""Recipes: TOML in and out, settings over them, keys, and one sentence for every mistake."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import imgpar
from imgpar.core.errors import BadValueError, ImgparError, UsageError
from imgpar.formats.options import EncodeOptions
from imgpar.ops.apply import Apply
from imgpar.ops.resize import Resize
from imgpar.recipe.recipe import Recipe, builtin_names
from imgpar.recipe.tables import make_operation, parse_formats

EXAMPLE = """
to = ["webp", "mp4"]
quality = 82
strip = "gps"
background = "#ff8800"
[[operations]]
resize = "1920"
fit = "cover"
gravity = "top"
[[operations]]
grey = true
[[operations]]
sharpen = true
[[operations]]
rotate = 12.5
background = "transparent"
[[operations]]
watermark_text = "© \\"Ada\\" \\\\n C:\\\\x"
margin = "2.5%"
"""


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "example.toml"
    path.write_text(EXAMPLE, "utf-8")
    return path


def test_a_file_is_read(example: Path) -> None:
    recipe = Recipe.load(example)
    assert recipe.to == ("webp", "mp4")
    assert recipe.encode == EncodeOptions(quality=82, strip="gps", background=(255, 136, 0, 255))
    assert [operation.name for operation in recipe.operations] == [
        "resize",
        "grey",
        "sharpen",
        "rotate",
        "watermark_text",
    ]
    assert recipe.operations[0] == make_operation("resize", 1920, fit="cover", gravity="north")
    assert recipe.name == "example"


def test_a_saved_recipe_is_the_same(example: Path, tmp_path: Path) -> None:
    recipe = Recipe.load(example)
    recipe.save(tmp_path / "again.toml")
    again = Recipe.load(tmp_path / "again.toml")
    assert again == recipe
    assert again.key() == recipe.key()
    assert again.to_toml() == recipe.to_toml()


def test_the_dictionary_is_the_file(example: Path) -> None:
    recipe = Recipe.load(example)
    assert tomllib.loads(recipe.to_toml()) == recipe.to_dict()
    assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_an_empty_recipe_is_an_empty_file() -> None:
    assert Recipe().to_toml() == ""
    assert Recipe.from_dict({}) == Recipe()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_survives_the_file(words: str) -> None:
    recipe = Recipe((make_operation("watermark_text", words.replace("{", "{{").replace("}", "}}")),))
    assert Recipe.from_dict(tomllib.loads(recipe.to_toml())) == recipe


def test_text_that_is_no_unicode_cannot_be_saved(tmp_path: Path) -> None:
    recipe = Recipe((make_operation("watermark", "logo\udcff.png"),))
    with pytest.raises(UsageError, match="cannot hold"):
        recipe.save(tmp_path / "x.toml")
    assert not (tmp_path / "x.toml").exists()


def test_a_function_cannot_be_saved() -> None:
    with pytest.raises(UsageError, match="Python function cannot be written"):
        Recipe((Apply(lambda array: array),)).to_toml()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("qualty = 3", r"There is no key qualty in bad.toml. Did you mean 'quality'"),
        (
            "nonsense = 3",
            r"There is no key nonsense in bad.toml. Known are to, operations, output, requires, quality",
        ),
        ('resize = "5"', r"no key resize in bad.toml. Operations stand in \[\[operations\]\] tables"),
        ("quality = 300", r"whole number from 1 to 100 for quality in bad.toml but received 300"),
        ("quality = 8.5", r"for quality in bad.toml but received 8.5[.]$"),
        ('strip = "gsp"', r"for strip in bad.toml but received 'gsp'. Did you mean 'gps'"),
        ("to = 5", r"Expected format names .* for to in bad.toml but received 5"),
        ("operations = 5", r"\[\[operations\]\] tables for operations in bad.toml"),
        ("operations = [5]", r"\[\[operations\]\] tables for operations in bad.toml"),
        ('[operations]\nresize = "5"', r"\[\[operations\]\] tables for operations in bad.toml"),
        (
            '[[operations]]\nresise = "5"',
            r"no operation's name in operation 1 of bad.toml. Did you mean 'resize'",
        ),
        ("[[operations]]", r"no operation's name in operation 1 of bad.toml. Known are .*blur"),
        (
            "[[operations]]\nresize = 5\ngrey = true",
            r"two operations in operation 1 of bad.toml: resize and grey",
        ),
        (
            "[[operations]]\ngrey = true\n[[operations]]\nresize = 5\nfti = 'cover'",
            r"no field fti of resize in operation 2 of bad.toml. Did you mean 'fit'",
        ),
        (
            "[[operations]]\nresize = 5\nfit = 'covr'",
            r"for fit in operation 1 of bad.toml but received 'covr'. Did you mean 'cover'",
        ),
        ("[[operations]]\nresize = 'big'", r"for resize in operation 1 of bad.toml but received 'big'"),
        ("[[operations]]\nresize = true", r"resize in operation 1 of bad.toml needs a value. An example is"),
        ("[[operations]]\ngrey = false", r"Expected true \(or nothing\) for grey in operation 1 of bad.toml"),
        ("to = x\n", r"bad.toml is not valid TOML: .*line 1"),
    ],
)
def test_every_mistake_is_one_sentence(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        Recipe.load("bad.toml")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UsageError, match=r"The recipe no/such.toml cannot be read: No such file"):
        Recipe.load("no/such.toml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="it is not UTF-8 text"):
        Recipe.load(tmp_path / "x.toml")


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        Recipe.load(tmp_path)


def test_a_mistyped_name_gets_a_suggestion() -> None:
    with pytest.raises(
        BadValueError, match=r"one of archive, favicon, social, thumbnails, web .* Did you mean 'web'"
    ):
        Recipe.load("wep")


@pytest.mark.parametrize("name", builtin_names())
def test_builtin_recipes_load_and_come_back(name: str) -> None:
    recipe = Recipe.load(name)
    assert recipe.name == name
    assert recipe.formats()
    assert Recipe.from_dict(tomllib.loads(recipe.to_toml())) == recipe


def test_the_builtin_recipes_do_what_they_say() -> None:
    assert builtin_names() == ("archive", "favicon", "social", "thumbnails", "web")
    web, archive = Recipe.builtin("web"), Recipe.builtin("archive")
    assert (web.to, web.encode.strip, web.operations) == (("webp",), "gps", (make_operation("resize", 1920),))
    assert (archive.encode.strip, archive.operations) == ("", ())


def test_a_file_beside_the_recipe_is_found_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('[[operations]]\nwatermark = "marks/logo.png"\n')
    (operation,) = Recipe.load(tmp_path / "r.toml").operations
    assert operation == make_operation("watermark", tmp_path / "marks" / "logo.png")


def test_settings_given_later_win() -> None:
    base = Recipe.from_dict({"to": "jpg", "quality": 50, "lossless": True})
    changed = base.merged({"quality": "90", "to": "webp,mp4", "lossless": False, "strip": None})
    assert changed.to == ("webp", "mp4")
    assert changed.encode == EncodeOptions(quality=90)
    assert base.encode.quality == 50


def test_merged_names_a_wrong_flag() -> None:
    with pytest.raises(BadValueError, match=r"for --quality but received '101'"):
        Recipe().merged({"quality": "101"}, label="--{}".format)


def test_operations_given_later_come_after() -> None:
    recipe = Recipe.builtin("web").then(make_operation("grey"))
    assert [operation.name for operation in recipe.operations] == ["resize", "grey"]


@pytest.mark.parametrize(
    ("value", "formats"),
    [
        ("webp", ("webp",)),
        ("WebP, .MP4", ("webp", "mp4")),
        ([".JPG", "jpg"], ("jpg",)),
        (("avif",), ("avif",)),
        ([], ()),
    ],
)
def test_formats_are_normalised(value: object, formats: tuple[str, ...]) -> None:
    assert parse_formats(value) == formats


@pytest.mark.parametrize("value", ["", ",", "webp,,mp4", [5], None, "."])
def test_wrong_formats_are_refused(value: object) -> None:
    with pytest.raises(BadValueError, match="format names such as webp"):
        parse_formats(value)


def test_an_operation_takes_text_and_python_values() -> None:
    text = make_operation("resize", "800x600", fit="cover", enlarge="yes", background="#ff0000")
    python = make_operation("resize", (800, 600), fit="cover", enlarge=True, background=(255, 0, 0))
    assert (
        text
        == python
        == make_operation("resize", geometry=[800, 600], fit="COVER", enlarge=1 == 1, background="red")
    )


def test_none_leaves_a_field_to_its_default() -> None:
    assert make_operation("resize", 5, fit=None) == make_operation("resize", 5)


@pytest.mark.parametrize("given", [{}, {"geometry": None}])
def test_a_missing_value_is_asked_for(given: dict[str, object]) -> None:
    for value in (None, True):
        with pytest.raises(BadValueError, match="resize needs a value"):
            make_operation("resize", value, **given)


def test_the_label_names_the_flag() -> None:
    with pytest.raises(BadValueError, match=r"for --resize but received 'big'"):
        make_operation("resize", "big", label="--resize")
    with pytest.raises(BadValueError, match=r"--resize needs a value. An example is '1920x1080'"):
        make_operation("resize", True, label="--resize")


def test_a_field_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match=r"resize is given twice, as its value and as geometry"):
        make_operation("resize", 5, geometry=6)


def test_the_key_follows_everything_that_decides_the_result(tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"one")
    base = Recipe((make_operation("resize", 100), make_operation("grey")), ("webp",))
    others = [
        base.merged({"quality": 5}),
        base.merged({"to": "jpg"}),
        Recipe(base.operations[::-1], base.to),
        base.then(make_operation("watermark", logo)),
        base.then(make_operation("resize", 100, enlarge=True)),
        base.then(Apply(lambda array: array + 1)),
        base.then(Apply(lambda array: array + 2)),
    ]
    keys = {base.key(), *(other.key() for other in others)}
    logo.write_bytes(b"two")
    keys.add(others[3].key())
    assert len(keys) == len(others) + 2


def test_the_key_is_the_same_in_another_process() -> None:
    code = (
        "from imgpar.recipe.recipe import Recipe; from imgpar.ops.apply import Apply\n"
        "def f(a, *, k={'x', 'y', 'z'}): return a if 'q' in {'s', 't', 'u'} else k\n"
        "print(Recipe.builtin('web').then(Apply(f)).key())"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in "12"
    }
    assert len(keys) == 1
    assert len(keys.pop().strip()) == 64


def test_a_missing_watermark_is_found_before_the_run() -> None:
    with pytest.raises(BadValueError, match=r"missing.png for watermark cannot be read"):
        Recipe((make_operation("watermark", "missing.png"),)).key()


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Recipe().to = ("jpg",)  # type: ignore[misc]


@given(
    st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))
)
def test_no_table_makes_anything_but_a_sentence(table: dict[str, object]) -> None:
    for data in (table, {"operations": [table]}, {"operations": [{"resize": 5, **table}]}):
        with contextlib.suppress(ImgparError):
            assert Recipe.from_dict(data) == Recipe.from_dict(data)


def test_an_unusable_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        Recipe().save(tmp_path / "missing" / "x.toml")


def test_resize_is_what_resize_makes() -> None:
    assert isinstance(make_operation("resize", 5), Resize)


class TestIconsAndSocialSizes:
    def test_favicon_makes_an_icon_and_its_pngs(self, tmp_path: Path) -> None:
        Image.new("RGBA", (600, 300), (200, 0, 0, 255)).save(tmp_path / "logo.png")
        report = imgpar.convert(tmp_path / "logo.png", tmp_path / "o", recipe="favicon", jobs=1)
        made = {Path(file.path).name: (file.width, file.height) for file in report.items[0].outputs}
        assert made == {
            "logo.ico": (48, 48),
            "logo-32.png": (32, 32),
            "logo-apple-touch.png": (180, 180),
            "logo-192.png": (192, 192),
            "logo-512.png": (512, 512),
        }
        with Image.open(tmp_path / "o/logo.ico") as icon:
            assert icon.info["sizes"] == {(16, 16), (32, 32), (48, 48)}
        corners = []
        for name in ("logo-32", "logo-apple-touch", "logo-512"):
            with Image.open(tmp_path / f"o/{name}.png") as image:
                corners.append(image.convert("RGBA").getpixel((0, 0)))
        assert corners == [(0, 0, 0, 0), (255, 255, 255, 255), (0, 0, 0, 0)]

    def test_social_makes_jpegs_of_exact_sizes(self, tmp_path: Path) -> None:
        Image.new("RGB", (300, 200), (9, 90, 200)).save(tmp_path / "a.png")
        report = imgpar.convert(tmp_path / "a.png", tmp_path / "o", recipe="social", jobs=1)
        assert [(Path(file.path).name, file.width, file.height) for file in report.items[0].outputs] == [
            ("a-og.jpg", 1200, 630),
            ("a-square.jpg", 1080, 1080),
            ("a-portrait.jpg", 1080, 1350),
            ("a-story.jpg", 1080, 1920),
        ]


def test_a_new_setting_does_not_change_the_keys_of_existing_outputs():
    """The keys are in the journals of earlier runs."""
    recipe = Recipe().then(make_operation("resize", "1920")).merged({"to": "webp", "quality": 82})
    assert Recipe().key() == "381105af5262d95dc707c878656d1485060ce803aa3f84f063e6c6b9151e1c3b"
    assert recipe.key() == "d21803bd830802d2d091537d15ebdbc69c25ec759b8a275d29394ff253c659a9"
