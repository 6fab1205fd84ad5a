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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resize", "800x600>"], "not enlarged unless"),
        (["--resize", "800x600^"], "--fit cover"),
        (["--resize", "800x600!"], "--fit fill"),
        (["--resize", "800x600<"], "--enlarge"),
        (["--resize", "640:-1"], "Write 640x, whose"),
        (["--resize=-2:480"], "Write x480, whose"),
        (["--resize=scale=640:480"], "Write 640x480."),
        (["--resize", "50%!"], "--fit fill"),
        (["--resize", "9", "--fit", "max"], "Did you mean 'inside'"),
        (["--resize", "9", "--fit", "crop"], "Did you mean 'cover'"),
        (["--resize", "9", "--fit", "outside"], "Did you mean 'cover'"),
        (["--withoutEnlargement"], "never enlarges"),
        (["--strip", "location"], "Did you mean 'gps'"),
        (["--sort", "-date"], "Write date:desc"),
        (["--sort", "name,-size"], "Write size:desc"),
        (["--to", "webp", "avif"], "Write --to webp,avif"),
        (["--to=webp,", "avif", "jpg"], "Write --to webp,avif,jpg"),
        (["--sizes", "640", "320"], "Write --sizes 640,320"),
        (["--processes_count", "4"], "Did you mean --jobs"),
        (["--url_list", "urls.txt"], "Did you mean --files-from"),
        (["--encode_quality", "9"], "Did you mean --quality"),
        (["--incremental_mode"], "only what is not done yet"),
        (["--no-check-certificate"], "Certificates are always checked"),
        (["--use-json-log"], "Did you mean --log-format"),
        (["--secret-access-key", "x"], "Credentials come from the environment"),
    ],
)
def test_values_of_other_tools_are_answered_with_those_of_imgpar(words, said):
    with pytest.raises(UsageError) as raised:
        parsed(*words)
    assert said in str(raised.value)


def test_the_output_folder_of_other_tools_is_taken():
    for flag in ("--output_folder", "--directory-prefix", "--output-dir"):
        args, _ = convert_parser().parse(["a.jpg", flag, "web"])
        assert args.out == "web"


def test_a_file_that_is_named_like_a_format_is_an_input(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "avif").mkdir()
    _, inputs = convert_parser().parse(["--to", "webp", "avif"])
    assert inputs == ["avif"]


def test_python_and_recipes_name_values_too():
    import imgpar

    with pytest.raises(UsageError, match="fit to cover"):
        imgpar.Pipeline().resize("800x600^")
    with pytest.raises(UnknownSettingError, match="never enlarges"):
        imgpar.convert("photos", "web", withoutEnlargement=True)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="Did you mean 'gps'"):
        Recipe.from_dict({"strip": "location"})


@pytest.mark.parametrize(
    ("word", "setting"), [("threads", "jobs"), ("overwrite", "on_exists"), ("format", "to")]
)
def test_python_names_the_setting_too(word, setting):
    import imgpar

    with pytest.raises(UnknownSettingError, match=f"Did you mean '{setting}'"):
        imgpar.convert("photos", "web", **{word: 4})


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
