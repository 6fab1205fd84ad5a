"""The command line without a run: flags to recipes, help, hints, one sentence for every mistake."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

from imgpar.batch.run_options import RunOptions
from imgpar.cli import COMMANDS, flags, main
from imgpar.cli.convert import convert_parser, parse_output_formats, read_recipe
from imgpar.cli.running import read_run_options
from imgpar.core.errors import BadValueError, UsageError
from imgpar.core.parsing import duration, pixels, switch
from imgpar.formats.options import EncodeOptions
from imgpar.inputs.lists import InputList
from imgpar.ops import operation_types
from imgpar.recipe.recipe import Recipe
from imgpar.recipe.tables import make_operation


def recipe_of(*argv: str) -> Recipe:
    return read_recipe(convert_parser().parse(argv)[0])


def options_of(*argv: str) -> RunOptions:
    return read_run_options(convert_parser().parse(argv)[0])


def python(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(env or {})},
    )


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--resize", "1920"], [("resize", "1920", {})]),
        (["--resize", "800x600", "--fit", "cover"], [("resize", "800x600", {"fit": "cover"})]),
        (["--resize=800", "--enlarge"], [("resize", "800", {"enlarge": True})]),
        (["--grey", "--resize", "800"], [("grey", True, {}), ("resize", "800", {})]),
        (["--resize", "800", "--grey"], [("resize", "800", {}), ("grey", True, {})]),
        (["--rotate", "-90"], [("rotate", -90, {})]),
        (["--resize", "800", "--resize", "400"], [("resize", "800", {}), ("resize", "400", {})]),
        (
            ["--resize", "800x8", "--fit", "cover", "--resize", "400x4", "--fit", "fill"],
            [("resize", "800x8", {"fit": "cover"}), ("resize", "400x4", {"fit": "fill"})],
        ),
        (["--watermark-text", "© A", "--opacity", "50%"], [("watermark_text", "© A", {"opacity": "50%"})]),
        (
            ["--resize", "800x8", "--sharpen", "0.5", "--fit", "fill"],
            [("resize", "800x8", {"fit": "fill"}), ("sharpen", "0.5", {})],
        ),
    ],
)
def test_flags_spell_operations_in_their_order(argv, expected):
    wanted = tuple(make_operation(name, value, **fields) for name, value, fields in expected)
    assert recipe_of(*argv).operations == wanted


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--quality", "82"], EncodeOptions(quality=82)),
        (["--lossless", "--effort", "9"], EncodeOptions(lossless=True, effort=9)),
        (["--strip", "gps"], EncodeOptions(strip="gps")),
        (["--quality", "1", "--quality", "2"], EncodeOptions(quality=2)),
    ],
)
def test_flags_spell_settings(argv, expected):
    assert recipe_of(*argv).encode == expected


def test_background_before_an_operation_is_the_setting():
    recipe = recipe_of("--background", "black", "--rotate", "3")
    assert recipe.encode.background == (0, 0, 0, 255)
    assert recipe.operations == (make_operation("rotate", 3),)


def test_background_after_an_operation_that_has_one_belongs_to_it():
    recipe = recipe_of("--rotate", "3", "--background", "black")
    assert recipe.encode == EncodeOptions()
    assert recipe.operations == (make_operation("rotate", 3, background="black"),)


def test_background_after_an_operation_that_has_none_is_the_setting():
    assert recipe_of("--grey", "--background", "black").encode.background == (0, 0, 0, 255)


def test_flags_come_after_the_operations_of_the_recipe_and_over_its_settings(tmp_path):
    file = tmp_path / "r.toml"
    Recipe((make_operation("resize", "800"),), ("webp",), EncodeOptions(quality=50, effort=3)).save(file)
    recipe = recipe_of("--grey", "--quality", "70", "--recipe", str(file))
    assert [operation.name for operation in recipe.operations] == ["resize", "grey"]
    assert (recipe.encode.quality, recipe.encode.effort, recipe.to) == (70, 3, ("webp",))


def test_save_recipe_alone_writes_what_load_reads(tmp_path):
    file = tmp_path / "r.toml"
    argv = ["--resize", "800x600", "--fit", "cover", "--to", "webp", "--quality", "70"]
    assert main(["convert", *argv, "--save-recipe", str(file)]) == 0
    assert Recipe.load(file) == recipe_of(*argv)


@pytest.mark.parametrize("name", list(operation_types()))
def test_no_field_has_the_name_of_another_flag(name):
    taken = set(operation_types()) | set(vars(convert_parser().parse([])[0])) - {"steps"}
    assert not taken & set(flags.modifiers())
    assert name not in EncodeOptions.options()


@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        (["-j", "3"], "jobs", 3),
        (["--memory", "1.5G"], "memory", 3 << 29),
        (["--timeout", "2m"], "timeout", 120.0),
        (["--on-exists", "RENAME"], "on_exists", "rename"),
        (["-y"], "on_exists", "overwrite"),
        (["--schedule", "chain"], "schedule", "chain"),
        (["--max-pixels", "250MP"], "max_pixels", 250_000_000),
        (["--max-frames", "20000"], "max_frames", 20_000),
        (["--worker-memory", "8G"], "worker_memory", 8 << 30),
        (["--accept-damaged"], "accept_damaged", True),
        (["--strict"], "strict", True),
        (["--in-place"], "in_place", True),
        (["-n"], "dry_run", True),
        (["--journal", "j.db"], "journal", "j.db"),
    ],
)
def test_flags_of_the_run_become_options(argv, field, value):
    assert getattr(options_of(*argv), field) == value


def test_no_flags_are_the_defaults():
    assert options_of() == RunOptions()
    assert recipe_of() == Recipe()


def test_inputs_and_options_come_in_any_order():
    args, inputs = convert_parser().parse(
        ["a.jpg", "--resize", "8", "b.jpg", "-o", "out", "-", "--grey", "c.jpg"]
    )
    assert inputs == ["a.jpg", "b.jpg", "-", "c.jpg"]
    assert args.out == "out"


def test_after_two_dashes_everything_is_a_name():
    args, inputs = convert_parser().parse(["-o", "out", "a", "--", "--resize", "-j", "--"])
    assert inputs == ["a", "--resize", "-j", "--"]
    assert args.steps is None


def wrong(capsys: pytest.CaptureFixture[str], argv: Sequence[str], code: int = 2) -> str:
    """The one line on stderr."""
    assert main(["convert", *argv]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("imgpar: ")
    assert said.err.replace("\nSee: ", " ").count("\n") == 1
    return said.err


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["--resize", "8OO"], "for --resize but received '8OO'"),
        (["--resize", "8x8", "--fit", "covr"], "Did you mean 'cover'?"),
        (["--quality", "200"], "a whole number from 1 to 100 for --quality but received '200'"),
        (["-j", "-1"], "for -j but received '-1'"),
        (["--memory", "much"], "a size such as 800M or 2G for --memory"),
        (["--timeout", "0"], "a time such as 30, 30s, 2m or 1h for --timeout"),
        (["--on-exists", "skp"], "Did you mean 'skip'?"),
        (["--to", "jgp"], "Did you mean 'jpg'?"),
        (["--to", "webp,pdf"], "PDF cannot be written"),
        (["--recipe", "wbe"], "Did you mean 'web'?"),
        (["--recipe", "absent.toml"], "absent.toml"),
        (["--resiz", "8"], "There is no option --resiz. Did you mean --resize?"),
        (["--qual=8"], "There is no option --qual."),
        (["-x"], "after '--'"),
        (["--resize"], "--resize needs a value."),
        (["--grey=yes"], "--grey"),
        (["--null"], "--files-from"),
        (["--files-from", os.devnull], "--files-from and INPUT exclude each other"),
        (["--in-place"], "there is no -o"),
        (["--report", "absent/r.json"], "absent/r.json"),
        (["-q", "-v"], "contradict"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(capsys, argv, part):
    assert part in wrong(capsys, ["in.jpg", "-o", "out", *argv])


@pytest.mark.parametrize("name", sorted(set(flags.modifiers()) - set(EncodeOptions.options())))
def test_a_modifier_without_its_operation_names_the_operation(capsys, name):
    kind = operation_types()[flags.modifiers()[name][0]]
    value = [] if kind.options()[name].parse is switch else ["1"]
    said = wrong(capsys, ["in.jpg", "-o", "out", flags.flag(name), *value])
    assert f"Put {flags.flag(flags.modifiers()[name][0])}" in said


@pytest.mark.parametrize(("argv", "part"), [(["-o", "out"], "No input"), (["in.jpg"], "-o OUT is missing")])
def test_what_is_missing_is_said(capsys, argv, part):
    assert part in wrong(capsys, argv)


def test_a_switch_takes_no_value(capsys):
    assert "--grey: it takes no value, but 'no' was given." in wrong(capsys, ["in", "-o", "out", "--grey=no"])


def test_a_dry_run_over_nothing_is_exit_code_3(tmp_path):
    assert main(["convert", str(tmp_path), "-o", str(tmp_path / "out"), "--dry-run"]) == 3


def test_every_command_answers_help(capsys):
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
        assert f"imgpar {command}" in capsys.readouterr().out


def test_convert_help_has_every_operation_field_and_setting(capsys):
    main(["convert", "--help"])
    words = set(capsys.readouterr().out.replace(",", " ").replace(")", " ").split())
    names = [*operation_types(), *flags.modifiers(), *EncodeOptions.options()]
    assert {flags.flag(name) for name in names} <= words


def test_help_fits_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    main(["convert", "--help"])
    options = capsys.readouterr().out.partition("options:")[2].partition("'imgpar ops'")[0]
    assert max(map(len, options.splitlines())) <= 72


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        (["photos", "-o", "web"], "Did you mean 'imgpar convert photos -o web'?"),
        (["--resize", "8", "x", "-o", "web"], "Did you mean 'imgpar convert --resize 8 x -o …'?"),
        (["covnert", "x"], "Did you mean 'imgpar convert'?"),
        (["xyzzy"], "Commands are convert,"),
    ],
)
def test_a_forgotten_or_mistyped_command_gets_a_hint(capsys, argv, hint):
    assert main(argv) == 2
    assert hint in capsys.readouterr().err


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("imgpar 0.")


HEAVY = ("numpy", "cv2", "PIL", "tqdm", "sqlite3", "av")


@pytest.mark.parametrize("command", [["--help"], ["convert", "--help"], ["ops"], ["formats"]])
def test_help_imports_nothing_heavy(command):
    code = f"import sys; from imgpar.cli import main; main({command!r}); print(*sys.modules, file=sys.stderr)"
    done = python("-c", code)
    assert done.returncode == 0
    assert not set(HEAVY) & set(done.stderr.split())


@pytest.mark.skipif(os.name == "nt", reason="no resource module")
def test_help_costs_less_than_60_ms_of_cpu():
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'imgpar', '--help'], stdout=subprocess.DEVNULL, check=True)\n"
        "usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(usage.ru_utime + usage.ru_stime)\n"
    )
    assert min(float(python("-c", code).stdout) for _ in range(3)) < 0.060


@pytest.mark.skipif(os.name == "nt", reason="closed pipes look different there")
def test_a_closed_pipe_is_quiet():
    process = subprocess.Popen(
        [sys.executable, "-m", "imgpar", "ops", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")


def test_an_old_code_page_gets_escapes():
    done = python("-m", "imgpar", "convert", "--help", env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert r"800 \xd7 800" in done.stdout


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("1.5s", 1.5), ("2m", 120), ("1h", 3600)])
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "2 days", "m"])
def test_no_durations(text):
    with pytest.raises(BadValueError):
        duration(text)


@pytest.mark.parametrize(("text", "count"), [("1000", 1000), ("100MP", 10**8), ("0.5 mp", 500_000)])
def test_pixel_counts(text, count):
    assert pixels(text) == count


def test_formats_are_normalised_and_named_once():
    assert parse_output_formats("JPG,.jpeg,webp") == ("jpeg", "webp")


def test_names_are_read_line_by_line(tmp_path):
    file = tmp_path / "list"
    file.write_bytes(b"a.jpg\r\n\nb c.jpg\nlast")
    assert [row.address for row in InputList(file).rows()] == ["a.jpg", "b c.jpg", "last"]


def test_names_may_hold_new_lines_where_nul_ends_them(tmp_path):
    file = tmp_path / "list"
    file.write_bytes(b"a\nb.jpg\0c.jpg\0")
    assert [row.address for row in InputList(file, null=True).rows()] == ["a\nb.jpg", "c.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_that_are_no_utf8_stay_themselves(tmp_path):
    file = tmp_path / "list"
    file.write_bytes(b"\xff.jpg\n")
    assert [os.fsencode(row.address) for row in InputList(file).rows()] == [b"\xff.jpg"]


def test_a_missing_list_is_a_usage_error_at_once():
    with pytest.raises(UsageError, match=r"absent\.txt"):
        InputList("absent.txt")
