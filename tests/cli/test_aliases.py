"""Words of other tools: aliases, and sentences that name the flag of imgpar."""

from __future__ import annotations

import pytest

from imgpar.cli import main
from imgpar.cli.convert import convert_parser, read_recipe
from imgpar.core import synonyms
from imgpar.core.errors import UnknownSettingError, UsageError
from imgpar.recipe.recipe import Recipe


def parsed(*argv: str) -> tuple[Recipe, str | None]:
    """The recipe, and --on-exists."""
    args, inputs = convert_parser().parse(["photos", *argv])
    assert inputs == ["photos"]
    return read_recipe(args), args.on_exists


@pytest.mark.parametrize(
    ("words", "own"),
    [
        (["-f", "webp"], ["--to", "webp"]),
        (["-fwebp"], ["--to", "webp"]),
        (["--format=webp"], ["--to", "webp"]),
        (["--width", "800"], ["--resize", "800x"]),
        (["--height=600"], ["--resize", "x600"]),
        (["--height", "600", "--grey", "--width", "800"], ["--resize", "800x600", "--grey"]),
        (["--grey", "--width", "800"], ["--grey", "--resize", "800x"]),
        (["--width", "800", "--fit", "fill"], ["--resize", "800x", "--fit", "fill"]),
        (["--gray"], ["--grey"]),
        (["--grayscale"], ["--grey"]),
        (["--color", "srgb"], ["--colour", "srgb"]),
        (["-r"], []),
        (["--recursive"], []),
        (["--overwrite"], ["--on-exists", "overwrite"]),
        (["--yes"], ["-y"]),
    ],
)
def test_an_alias_means_the_flag_of_imgpar(words, own):
    assert parsed(*words) == parsed(*own)


def test_what_follows_two_dashes_is_no_alias():
    _, inputs = convert_parser().parse(["--", "--gray"])
    assert inputs == ["--gray"]


@pytest.mark.parametrize("words", [["--width"], ["--width", "wide"], ["--height="], ["--width", "-5"]])
def test_a_side_needs_a_number(words):
    with pytest.raises(UsageError, match="number of pixels"):
        parsed(*words)


def test_a_side_is_given_once():
    with pytest.raises(UsageError, match="--width is given twice"):
        parsed("--width", "80", "--width", "90")


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        ("--threads", "--jobs"),
        ("--max-width", "--resize"),
        ("--skip-existing", "--on-exists"),
        ("--exif", "--strip"),
        ("--extension", "--to"),
        ("--preset", "--recipe"),
        ("--qualtiy", "--quality"),
        ("--widht", "--width"),
    ],
)
def test_the_flag_of_imgpar_is_named(word, flag):
    with pytest.raises(UsageError, match=rf"There is no option {word}\. Did you mean {flag}\?"):
        parsed(word, "1")


@pytest.mark.parametrize(
    ("word", "said"), [("--autorotate", "turned upright"), ("--input", "without a flag")]
)
def test_a_sentence_where_there_is_nothing_to_set(word, said):
    with pytest.raises(UsageError, match=said):
        parsed(word)


def test_python_names_the_setting_too():
    import imgpar

    with pytest.raises(UnknownSettingError, match="Did you mean 'jobs'"):
        imgpar.convert("photos", "web", threads=4)  # type: ignore[call-arg]


def test_a_recipe_names_the_setting_too():
    with pytest.raises(UsageError, match="Did you mean 'to'"):
        Recipe.from_dict({"format": "webp"})


def test_every_setting_among_the_synonyms_has_words_of_others_only():
    words = [word for found in synonyms.MEANT.values() for word in found.split()]
    assert len(words) == len(set(words))
    assert not set(synonyms.ALIASES) & set(words)


def test_the_short_help_has_the_usual_options_only(capsys):
    assert main(["convert", "-h"]) == 0
    short = capsys.readouterr().out
    assert main(["convert", "--help"]) == 0
    assert "--resize" in short
    assert "--loudnorm" not in short
    assert "--loudnorm" in capsys.readouterr().out
