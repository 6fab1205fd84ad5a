"""Words of the command line that could be read in two ways, and flags that a command does not accept."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from video_clips import make_clip

from imgpar.cli import main
from imgpar.outputs.destination import Out
from imgpar.outputs.target_formats import Wishes
from imgpar.recipe.recipe import Recipe

TRACK = Path(__file__).parents[1] / "data" / "track.gpx"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a picture in `photos`."""
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (16, 8), "red").save(tmp_path / "photos" / "a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """The one line that is said; nothing is written."""
    before = tree(Path())
    assert main(list(arguments)) == code
    said = capsys.readouterr()
    assert (said.out, said.err.replace("\nSee: ", " ").count("\n")) == ("", 1)
    assert tree(Path()) == before
    return said.err


@pytest.mark.parametrize("name", ["web", "thumbnails", "archive"])
def test_a_folder_with_the_name_of_a_recipe_is_not_taken_for_it(here, name):
    (here / name).mkdir()
    assert Recipe.load(name) == Recipe.builtin(name)


def test_a_recipe_named_like_its_out_works_twice(here):
    for _ in range(2):
        assert main(["convert", "photos", "-o", "web", "--recipe", "web", "-q"]) == 0


def test_a_file_with_the_name_of_a_recipe_is_the_recipe(here):
    (here / "web").write_text("quality = 7\n", encoding="utf-8")
    assert Recipe.load("web").encode.quality == 7


@pytest.mark.parametrize("words", [["-q", "80"], ["-q80"], ["-q=80"], ["--quiet", "80"], ["--quiet=80"]])
def test_a_number_after_quiet_is_probably_the_quality(here, capsys, words):
    assert "takes no value" in (said := refused(capsys, "convert", "photos", "-o", "out", *words))
    assert "For the quality write --quality 80." in said


@pytest.mark.parametrize(
    "words", [["-n", "3"], ["-v", "2"], ["-y", "1"], ["--grey", "50"], ["--lossless", "0.5"]]
)
def test_a_number_after_a_flag_without_value_is_no_input(here, capsys, words):
    said = refused(capsys, "convert", "photos", "-o", "out", *words)
    assert f"{words[0]} takes no value, and there is no file '{words[1]}'." in said


def test_a_file_that_is_named_like_a_number_is_an_input(here):
    Image.new("RGB", (4, 4)).save(here / "80", "PNG")
    assert main(["convert", "photos", "-o", "out", "-q", "80"]) == 0
    assert (here / "out" / "80").exists() or (here / "out" / "80.png").exists()


@pytest.mark.parametrize("flag", ["out", "resize", "quality", "jobs", "report"])
def test_a_long_option_with_one_dash_is_not_read_as_several(here, capsys, flag):
    said = refused(capsys, "convert", "photos", f"-{flag}", "8", "-o", "out")
    assert f"There is no option -{flag}. Did you mean --{flag}?" in said


@pytest.mark.parametrize(
    "flag", ["-o", "--recipe", "--report", "--save-recipe", "--journal", "--keep-failures"]
)
def test_a_place_that_is_given_twice_is_a_mistake(here, capsys, flag):
    said = refused(capsys, "convert", "photos", *(["-o", "out"] * (flag != "-o")), flag, "a", flag, "b")
    assert f"{flag} is given twice, 'a' and 'b'." in said


def test_a_recipe_to_be_saved_does_not_hide_that_the_input_is_missing(here, capsys):
    said = refused(capsys, "convert", "--grey", "-o", "out", "--save-recipe", "r.toml")
    assert "No input was given." in said


def test_a_profile_of_a_run_that_is_not_made_is_refused(here, capsys):
    assert "--profile" in refused(capsys, "convert", "photos", "-o", "out", "-n", "--profile")


def test_a_dry_run_writes_the_report_that_is_asked_for_and_nothing_else(here, capsys):
    assert main(["convert", "photos", "-o", "out", "--to", "webp", "-n", "--report", "plan.json"]) == 0
    plan = json.loads((here / "plan.json").read_text("utf-8"))
    assert (plan["planned"], plan["ok"], [item["status"] for item in plan["items"]]) == (1, 0, ["planned"])
    assert plan["items"][0]["outputs"] == [{"path": str(here / "out" / "a.webp"), "bytes": 0}]
    assert sorted(os.listdir(here)) == ["photos", "plan.json"]
    assert "write 1 file; 0 skipped, 0 failed. Only the report was written." in capsys.readouterr().out


def test_a_dry_run_as_json_tells_what_it_means(here, capsys):
    assert main(["convert", "photos", "-o", "out", "--to", "webp", "-n", "--json"]) == 0
    item = json.loads(capsys.readouterr().out.splitlines()[0])
    path = str(here / "out" / "a.webp")
    assert item["outputs"] == [{"path": path, "format": "webp", "replaces": False, "split": False}]


def test_a_dry_run_says_what_would_be_compared(here, capsys):
    assert main(["convert", "photos", "-o", "out", "--to", "webp", "-j", "1"]) == 0
    capsys.readouterr()
    assert main(["convert", "photos", "-o", "out", "--to", "webp", "-n", "--verify"]) == 0
    line = f"compare {here / 'photos' / 'a.png'} → {here / 'out' / 'a.webp'}"
    assert capsys.readouterr().out.splitlines()[0] == line


def test_what_was_changed_is_the_output(here, capsys):
    assert main(["convert", "photos", "-o", "out", "--to", "webp", "-j", "1"]) == 0
    with open(here / "out" / "a.webp", "ab") as file:
        file.write(b"mine")
    capsys.readouterr()
    assert main(["convert", "photos", "-o", "out", "--to", "webp", "-n"]) == 0
    assert "a.png: its output was changed since" in capsys.readouterr().out


def test_originals_are_kept_in_place_only(here, capsys):
    said = refused(capsys, "convert", "photos", "-o", "out", "--keep-originals", "3")
    assert "Leave out --keep-originals (keep_originals=)." in said


def test_workers_need_some_memory(here, capsys):
    said = refused(capsys, "convert", "photos", "-o", "out", "--worker-memory", "10M")
    assert "Expected at least 128M for --worker-memory" in said


def test_a_flag_without_its_value_says_so(here, capsys):
    assert "--on-exists needs a value." in refused(capsys, "convert", "photos", "-o", "out", "--on-exists")


# ----- flags of other commands ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "flag", "value"),
    [
        ("frames", "--strip", "gps"),
        ("frames", "--codec", "h264"),
        ("frames", "--audio", "none"),
        ("frames", "--speed", "2"),
        ("frames", "--companions", "copy"),
        ("assemble", "--trim", "1-2"),
        ("assemble", "--strip", "gps"),
        ("assemble", "--max-bytes", "8M"),
        ("concat", "--trim", "1-2"),
        ("concat", "--resize", "8"),
        ("concat", "--target", "vmaf=93"),
        ("retry", "--in-place", ""),
        ("retry", "--quality", "8"),
    ],
)
def test_a_command_refuses_flags_that_it_does_not_use(here, capsys, command, flag, value):
    said = refused(capsys, command, "photos", *(["-o", "x.mp4"] * (command != "retry")), flag, value)
    assert f"imgpar {command} does not accept {flag}." in said


@pytest.mark.parametrize(("flag", "value"), [("--max-bytes", "1M"), ("--name", "{n}"), ("--trim", "1-2")])
def test_a_pdf_of_all_inputs_refuses_settings_in_the_words_of_the_call(here, capsys, flag, value):
    said = refused(capsys, "convert", "photos", "-o", "x.pdf", flag, value)
    assert f"{flag} does not apply to x.pdf, one PDF of all inputs." in said
    assert "assemble" not in said


@pytest.mark.parametrize("command", ["frames"])
@pytest.mark.parametrize("words", [["--background", "red"], ["--grey", "--background", "red"]])
def test_a_modifier_of_an_operation_is_no_setting_of_the_command(here, capsys, command, words):
    make_clip(here / "photos" / "c.mp4")
    said = refused(capsys, command, "photos", "-o", "x.mp4", *words)
    assert f"{command} does not accept background." in said


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--motion", "--resize", "8"], "no --resize"),
        (["--motion", "--to", "png"], "no --to"),
        (["--motion", "--accept-damaged"], "no --accept-damaged"),
        (["--poster", "--fps", "3"], "--fps belongs to --animation"),
        (["--poster", "--to", "png"], "is named as JPEG, but --to is"),
    ],
)
def test_frames_refuses_what_this_kind_does_not_use(here, capsys, words, complaint):
    clip = make_clip(here / "c.mp4")
    assert complaint in refused(capsys, "frames", str(clip), "-o", "o.jpg", *words)


# ----- inputs are never replaced ----------------------------------------------------------------------

LINKS = {"symbolic": lambda link, to: link.symlink_to(to), "hard": lambda link, to: link.hardlink_to(to)}


@pytest.mark.parametrize("kind", list(LINKS))
def test_convert_does_not_replace_what_its_input_links_to(here, capsys, kind):
    original = here / "photos" / "a.png"
    LINKS[kind](here / "link.png", original)
    for dry in ([], ["-n"]):
        said = refused(capsys, "convert", "link.png", "-o", str(original), "-y", "--grey", *dry)
        assert "is the input itself" in said


@pytest.mark.parametrize("kind", [*LINKS, "itself"])
def test_concat_does_not_replace_one_of_its_clips(here, capsys, kind):
    first, second = make_clip(here / "a.mp4"), make_clip(here / "b.mp4")
    if kind != "itself":
        LINKS[kind](here / "link.mp4", second)
    name = "b.mp4" if kind == "itself" else "link.mp4"
    said = refused(capsys, "concat", str(first), name, "-o", str(second), "-y")
    assert "is one of the inputs" in said


@pytest.mark.parametrize("kind", list(LINKS))
def test_assemble_does_not_replace_one_of_its_pictures(here, capsys, kind):
    (here / "clip.mp4").write_bytes((here / "photos" / "a.png").read_bytes())
    LINKS[kind](here / "photos" / "b.png", here / "clip.mp4")
    said = refused(capsys, "assemble", "photos", "-o", "clip.mp4", "-y")
    assert "is one of the inputs" in said


@pytest.mark.parametrize("kind", list(LINKS))
@pytest.mark.parametrize("words", [["--poster"], ["--sheet", "2x2"], ["--animation"]])
def test_frames_does_not_replace_one_of_its_clips(here, capsys, kind, words):
    clip = make_clip(here / "c.mp4")
    LINKS[kind](here / "p.gif", clip)
    before = tree(here)
    assert main(["frames", str(clip), "-o", "p.gif", "-y", *words]) == 2
    assert "is the input itself" in capsys.readouterr().err
    assert tree(here) == before


def test_a_value_may_begin_with_a_minus(here):
    words = ["--shift-dates", "-1d", "--gpx", str(TRACK), "--gpx-offset", "-02:00", "--save-recipe", "a.toml"]
    assert main(["convert", "photos", "-o", "out", "-q", *words]) == 0
    encode = Recipe.load("a.toml").encode
    assert (str(encode.shift_dates), encode.gpx_offset) == ("-1d", "-02:00")


@pytest.mark.parametrize(
    "words", [["--shift-dates"], ["--shift-dates", "-j", "1"], ["--shift-dates", "--to"]]
)
def test_a_flag_in_place_of_a_value_is_named(here, capsys, words):
    assert "--shift-dates needs a value" in refused(capsys, "convert", "photos", "-o", "out", *words)


def test_lost_pages_name_the_ways_to_keep_them(here, capsys):
    page = Image.new("RGB", (8, 8))
    page.save("a.tif", save_all=True, append_images=[page])
    assert main(["convert", "a.tif", "-o", "out", "--to", "png"]) == 0
    assert "--pages split (pages) writes a file for each page" in capsys.readouterr().out


def test_pdf_for_each_input_names_what_writes_pdf(here, capsys):
    assert "-o FILE.pdf makes a PDF" in refused(capsys, "convert", "photos", "-o", "out", "--to", "pdf")


def test_a_pdf_that_becomes_a_picture_names_what_writes_pdf(here):
    wish = Wishes(Out("out"), ()).by_name("a.pdf", "pdf")
    assert (wish.targets[0].suffix, wish.note) == (
        ".png",
        "written as PNG: -o FILE.pdf makes a PDF of all inputs",
    )


def test_a_number_after_r_is_probably_a_density(here, capsys):
    assert "--dpi 80 writes a density" in refused(capsys, "convert", "photos", "-o", "out", "-r", "80")


def test_a_density_without_effect_names_the_other_one(here, capsys):
    assert main(["convert", "photos", "-o", "out", "--density", "300"]) == 0
    assert "--dpi writes a density into the metadata." in capsys.readouterr().err


def test_a_skipped_duplicate_names_the_other_one(here, capsys):
    shutil.copy("photos/a.png", "photos/b.png")
    assert main(["convert", "photos", "-o", "out", "-v", "--duplicates", "skip"]) == 0
    said = "".join(capsys.readouterr())
    assert f"{here / 'photos' / 'b.png'}: its content is that of {here / 'photos' / 'a.png'}" in said
