"""What `imgpar ops`, `formats` and `doctor` answer."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from imgpar.api.settings import resolve
from imgpar.cli import flags, machine, main, packages
from imgpar.cli.convert import convert_parser
from imgpar.cli.credentials import check_credentials
from imgpar.cli.doctor import examine
from imgpar.cli.parsing import align_columns
from imgpar.core.errors import BadValueError
from imgpar.formats.registry import FORMATS
from imgpar.ops import operation_types
from imgpar.recipe.recipe import Recipe


def printed(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    assert main(argv) == code
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def records(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_ops_explains_every_operation(capsys):
    heads = {line.split()[0] for line in printed(capsys, "ops").splitlines() if line.startswith("--")}
    assert heads == {"--" + name.replace("_", "-") for name in operation_types()}


def test_ops_explains_one_operation_with_its_fields(capsys):
    text = printed(capsys, "ops", "resize")
    assert text.startswith("--resize GEOMETRY")
    assert "--fit inside|cover|contain|fill" in text
    assert "--blur" not in text


def test_ops_as_json_names_operations_and_fields(capsys):
    facts = {str(record["name"]): record for record in records(printed(capsys, "ops", "--json"))}
    assert list(facts) == list(operation_types())
    fields = facts["resize"]["fields"]
    assert isinstance(fields, list)
    assert [field["name"] for field in fields] == list(operation_types()["resize"].options())


def test_an_unknown_operation_gets_a_hint(capsys):
    assert main(["ops", "resise"]) == 2
    assert "Did you mean 'resize'?" in capsys.readouterr().err


def test_formats_has_a_line_for_every_supported_format(capsys):
    rows = [line.split() for line in printed(capsys, "formats").splitlines()]
    yes = {row[0]: row[1:3] for row in rows if len(row) > 6 and row[0] in FORMATS}
    assert yes["jpeg"] == ["yes", "yes"]
    clips = {name for name, record in FORMATS.items() if record.kind == "video"}
    pictures = {name for name, record in FORMATS.items() if record.readable or record.writable}
    assert set(yes) == clips | pictures


def test_formats_as_json_has_every_format(capsys):
    facts = records(printed(capsys, "formats", "--json"))
    assert {record["name"] for record in facts} == set(FORMATS)
    assert next(record for record in facts if record["name"] == "png")["alpha"] is True


def test_formats_gives_the_command_for_a_missing_package(capsys, monkeypatch):
    monkeypatch.setattr("imgpar.formats.record.find_spec", lambda _: None)
    assert "-m pip install rawpy" in printed(capsys, "formats")


@pytest.mark.parametrize("command", ["formats", "doctor"])
def test_commands_without_arguments_refuse_them(capsys, command):
    assert main([command, "x.jpg"]) == 2
    assert "'x.jpg'" in capsys.readouterr().err


def test_doctor_finds_this_machine_ready(capsys):
    facts = records(printed(capsys, "doctor", "--json"))
    assert {record["status"] for record in facts} <= {"ok", "warn", "off"}
    names = {record["name"] for record in facts}
    assert {"Python", "numpy", "pillow", "ffmpeg", "cores", "memory", "shared memory", "workers"} <= names


def test_doctor_has_a_fix_for_everything_that_is_not_ok():
    assert all(check.fix for check in examine() if check.status != "ok")


def test_a_missing_package_comes_with_the_command_for_this_interpreter():
    check = packages._required("no-such-package>=1.0")
    assert check.status == "fail"
    assert check.fix == f'{sys.executable} -m pip install "no-such-package>=1.0"'


def test_a_missing_package_with_a_fallback_is_a_warning(monkeypatch):
    monkeypatch.setitem(packages.FASTER, "no-such-package", "slower without it")
    check = packages._required("no-such-package>=1.0")
    assert (check.status, check.text) == ("warn", "is not installed (slower without it)")


def test_a_missing_extra_is_off():
    assert packages._optional("no-such-package", "raw").status == "off"


@pytest.mark.parametrize(
    ("marker", "here"),
    [
        ("", True),
        (f" sys_platform == '{sys.platform}'", True),
        (f" sys_platform != '{sys.platform}'", False),
        (" platform_machine == 'none' or platform_machine == 'nothing'", False),
        (f" platform_machine == 'none' or sys_platform == '{sys.platform}'", True),
    ],
)
def test_requirements_of_other_platforms_are_left_out(marker, here):
    assert list(packages._split([f"name>=1;{marker}"])) == ([("name>=1", "")] if here else [])


def test_an_extra_is_told_from_a_platform():
    assert list(packages._split(['rawpy>=0.23; extra == "raw"'])) == [("rawpy>=0.23", "raw")]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_a_warning(tmp_path):
    tmp_path.chmod(0o500)
    assert machine.check_space("here", str(tmp_path), "fix").status == "warn"


def test_a_check_that_breaks_is_a_finding():
    def check_nothing() -> machine.Check:
        raise ValueError("broken")

    assert machine._guarded(check_nothing) == machine.Check("fail", "nothing", "ValueError: broken")


def test_columns_are_aligned():
    assert align_columns([("a", "bb", "c"), ("ddd", "e", "f")]).splitlines() == ["a    bb  c", "ddd  e   f"]


def built(*argv: str) -> tuple[tuple[int, ...], str]:
    """The colour of the letters and the profile that the flags ask for."""
    args, _ = convert_parser().parse(["a.jpg", "-o", "out", *argv])
    recipe = flags.build_recipe(args.steps or (), Recipe())
    letters = recipe.operations[0].colour  # type: ignore[attr-defined]
    return letters, str(recipe.encode.colour or "")


def test_a_colour_and_a_profile_are_told_apart_by_their_value() -> None:
    red, white = (255, 0, 0, 255), (255, 255, 255, 255)
    assert built("--watermark-text", "x", "--colour", "red") == (red, "")
    assert built("--watermark-text", "x", "--colour", "srgb") == (white, "srgb")
    assert built("--colour", "p3", "--watermark-text", "x", "--colour", "red") == (red, "p3")
    assert built("--watermark-text", "x", "--colour", "p3", "--colour", "red") == (red, "p3")
    with pytest.raises(BadValueError, match="--colour"):
        built("--watermark-text", "x", "--colour", "no such thing")


def test_python_tells_them_apart_too() -> None:
    recipe, _ = resolve(Recipe(), {"watermark_text": "x", "colour": "srgb"})
    assert str(recipe.encode.colour) == "srgb"
    recipe, _ = resolve(Recipe(), {"watermark_text": "x", "colour": "red"})
    assert recipe.encode.colour is None


def test_info_speaks_plainly_and_json_exactly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (20, 10)).save(path, dpi=(300, 300))
    assert main(["info", str(path)]) == 0
    text = capsys.readouterr().out
    assert "colour, 8 bits" in text
    assert not any(word in text for word in ("RGBX", "uint8", "simplejpeg", "icc_bytes", "durations_ms"))
    assert main(["info", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["layout"] == "RGBX"


def test_info_counts_what_a_folder_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sub" / "@eaDir").mkdir(parents=True)
    for name in ("a.png", "sub/b.png", "sub/@eaDir/c.png"):
        Image.new("RGB", (4, 3)).save(tmp_path / name)
    (tmp_path / "d.docx").touch()
    assert main(["info", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "2 pictures and clips" in said
    assert "Left out: 1 .docx; folder @eaDir." in said
    assert main(["info", "--json", str(tmp_path)]) == 0
    facts = json.loads(capsys.readouterr().out)
    total = sum((tmp_path / name).stat().st_size for name in ("a.png", "sub/b.png"))
    assert (facts["files"], facts["bytes"]) == (2, total)
    assert facts["formats"] == {"png": {"files": 2, "bytes": total}}
    assert (facts["left_out"], facts["left_out_folders"]) == ({".docx": 1}, {"@eaDir": 1})


def test_info_of_nothing_but_missing_files_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "nothere.jpg")
    assert main(["info", missing]) == 2
    assert capsys.readouterr().err == (
        f"imgpar: {missing!r} does not exist. Check the spelling and the folder you are in. "
        "See: imgpar help unreadable\n"
    )
    Image.new("RGB", (4, 3)).save(tmp_path / "a.png")
    assert main(["info", str(tmp_path / "a.png"), missing]) == 1


def test_doctor_names_the_sources_of_credentials_and_no_values(capsys, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "S3CRET")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:S3CRET@proxy")
    checks = {check.name: check for check in check_credentials()}
    assert checks["login for s3://"].text.startswith("from AWS_ACCESS_KEY_ID")
    assert checks["proxy"].text == "from HTTPS_PROXY"
    assert "S3CRET" not in str(checks)
    assert [check for check in examine() if check.name in checks] == list(checks.values())


def test_formats_names_archives_and_addresses(capsys):
    read, written = printed(capsys, "formats").splitlines()[-2:]
    assert read.startswith("inputs come from  files and folders, .zip")
    assert "http://, https://, s3://" in read
    assert written.startswith("outputs go to     files and folders, .zip")
