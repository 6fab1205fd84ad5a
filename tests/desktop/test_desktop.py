"""The window without a window: settings, texts, what is known of each file, runs, undo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs.macos
import platformdirs.unix
import platformdirs.windows
import pytest
from conftest import FolderMaker
from packing import packed
from PIL import Image
from terminals import needs

import imgpar
from imgpar.desktop.board import Board
from imgpar.desktop.choices import RECIPES, SEVERAL
from imgpar.desktop.control import Control
from imgpar.desktop.paths import ARCHIVE, folder_beside, local, repaired
from imgpar.desktop.reporting import PAGE
from imgpar.desktop.settings import Settings, settings_path
from imgpar.desktop.system import linux_is_dark
from imgpar.desktop.terminal import convert_in_terminal
from imgpar.desktop.texts import Texts
from imgpar.desktop.wording import TEXTS
from imgpar.inputs.schemes import ARCHIVES
from imgpar.recipe.recipe import builtin_names

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of these tests are not those of the one who runs them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("APPDATA", "WIN_PD_OVERRIDE_APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def control() -> Iterator[Control]:
    made = Control()
    yield made
    made.kill()


def until(control: Control, *states: str) -> None:
    """Look until the control is in one of these states."""
    deadline = time.monotonic() + PATIENCE
    while control.state not in states:
        assert time.monotonic() < deadline, f"still {control.state}"
        if not control.look(0.01):
            time.sleep(0.002)


# ----- settings -------------------------------------------------------------------------------------


def test_settings_are_read_as_they_were_saved() -> None:
    settings = Settings(recipe="", size="800", format="png", language="zh", folder="/out")
    settings.save()
    assert Settings.load() == settings


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"size": 3, "format": "png", "gone": "x"}'])
def test_broken_settings_are_the_defaults(text: str) -> None:
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text(text, "utf-8")
    assert Settings.load() in (Settings(), Settings(format="png"))


def test_settings_that_cannot_be_kept_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    Settings().save(tmp_path / "file" / "desktop.json")


@pytest.mark.parametrize(
    ("system", "place"),
    [
        (platformdirs.unix.Unix, "home/.config/imgpar"),
        (platformdirs.windows.Windows, "config/imgpar"),
        (platformdirs.macos.MacOS, "home/Library/Application Support/imgpar"),
    ],
)
def test_settings_are_where_the_system_keeps_them(
    system: type, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {"CSIDL_APPDATA": str(tmp_path / "config")}
    monkeypatch.setattr(platformdirs.windows, "get_win_folder", folders.__getitem__)
    monkeypatch.setattr(platformdirs, "PlatformDirs", system)
    assert settings_path() == tmp_path / "config/imgpar/desktop.json"  # XDG_CONFIG_HOME, APPDATA
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert settings_path() == tmp_path / place / "desktop.json"


def test_the_window_offers_every_recipe_that_comes_with_imgpar() -> None:
    assert set(RECIPES) == set(builtin_names())
    assert set(SEVERAL) == {name for name in RECIPES if imgpar.Recipe.load(name).outputs}


def test_fields_come_after_the_recipe() -> None:
    recipe = Settings(recipe="web", size="640", format="jpg", quality="50").pipeline().recipe
    assert recipe.to_dict() == {
        "to": "jpg", "quality": 50, "strip": "gps", "operations": [{"resize": "640"}],
    }  # fmt: skip


def test_names_and_the_largest_file_are_settings_of_the_recipe() -> None:
    settings = Settings(recipe="", name="{date:%Y}_{stem}", largest="300 kB")
    assert settings.pipeline().recipe.to_dict() == {"max_bytes": 300_000, "name": "{date:%Y}_{stem}"}


@pytest.mark.parametrize(
    ("make", "kind", "left"),
    [("sheet", "jpg", {"quality": 90}), ("sheet", "png", {}), ("pdf", "png", {"quality": 90})],
)
def test_one_file_takes_nothing_that_belongs_to_single_files(
    make: str, kind: str, left: dict[str, int]
) -> None:
    settings = Settings(recipe="archive", make=make, format=kind, name="{n}", largest="1 MB")
    assert settings.pipeline().recipe.to_dict() == left


def test_a_sheet_in_the_format_of_the_recipe_has_its_settings() -> None:
    settings = Settings(recipe="archive", make="sheet")
    assert settings.suffix == ".avif"
    assert settings.pipeline().recipe.to_dict() == {"quality": 90, "effort": 6}


@pytest.mark.parametrize("recipe", SEVERAL)
def test_a_recipe_with_several_outputs_says_their_sizes_itself(recipe: str) -> None:
    settings = Settings(recipe=recipe, size="100", format="png", name="{n}", quality="70")
    assert not settings.used & {"size", "format", "name", "enlarge"}
    assert settings.pipeline().recipe.operations == ()
    with pytest.raises(imgpar.UsageError, match="not one file of all"):
        Settings(recipe=recipe, make="pdf").pipeline()


def test_a_recipe_file_with_several_outputs_takes_no_other_size(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text('[[output]]\nto = "png"\n[[output]]\nto = "jpg"\n')
    with pytest.raises(imgpar.UsageError, match="says the size of each"):
        Settings(recipe=str(path), size="100").pipeline()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("size", "huge"), ("quality", "200"), ("largest", "small"), ("name", "../{stem}")),
        *(("make", "book"), ("format", "docx"), ("recipe", "gone"), ("language", "tlh")),
        *(("look", "pink"), ("geometry", "wide"), ("folder", "relative")),
    ],
)
def test_a_stored_value_that_is_invalid_is_the_default(key: str, value: str) -> None:
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text(json.dumps({key: value, "quality": "81"} | {key: value}), "utf-8")
    expected = Settings() if key == "quality" else Settings(quality="81")
    assert Settings.load() == expected


def test_settings_of_earlier_versions_are_read() -> None:
    stored = {"recipe": "", "size": "1280", "format": "jpg", "quality": "82", "language": "zh"}
    stored |= {"folder": os.path.abspath("/out"), "look": "dark", "geometry": "900x700+20+20"}
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text(json.dumps(stored), "utf-8")
    assert Settings.load() == Settings(**stored)


@pytest.mark.parametrize(
    "field", [{"size": "big"}, {"quality": "101"}, {"recipe": "none.toml"}, {"largest": "x"}, {"name": "{x}"}]
)
def test_a_wrong_field_is_a_usage_error(field: dict[str, str]) -> None:
    with pytest.raises(imgpar.UsageError):
        Settings(**field).pipeline()


def test_results_go_next_to_the_originals(tmp_path: Path) -> None:
    phone = tmp_path / "Phone"
    phone.mkdir()
    a, b = str(phone / "a.jpg"), str(phone / "sub" / "b.jpg")
    assert folder_beside([str(phone)]) == f"{phone}-imgpar"
    assert folder_beside([a]) == folder_beside([a, b]) == str(phone / "imgpar")
    assert folder_beside([str(tmp_path / "trip.tar.gz")]) == str(tmp_path / "trip-imgpar")
    assert folder_beside(["/photos/a.jpg", "/scans/b.jpg"]) == os.path.join("/photos", "imgpar")
    assert folder_beside([os.path.abspath(os.sep)]) == os.path.join(os.path.abspath(os.sep), "imgpar")


# ----- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "usable",
    [("start", "estimate"), ("pause", "stop"), ("go_on", "stop"), ("again",)],
    ids=lambda usable: usable[0],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_access_key_is_used_twice(language: str, usable: tuple[str, ...]) -> None:
    at_once = [
        *("add_folder", "options", "recipe", "make", "format", "size", "quality", "largest", "name"),
        *("mark", "watch", "choose", "reset", "all_files", "problems", *usable),
        *("details", "report", "undo", "open"),
    ]
    letters = []
    for key in at_once:
        text, place = Texts(language).marked(key, count=0)
        letters.append(text[place].lower())
    assert len(set(letters)) == len(at_once)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("keys", [("open", "open_sheet", "open_pdf"), ("stop", "stop_now")])
def test_a_button_with_several_labels_has_one_access_key(language: str, keys: tuple[str, ...]) -> None:
    marked = [Texts(language).marked(key) for key in keys]
    assert len({text[place].lower() for text, place in marked}) == 1


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_say_the_same_facts(key: str) -> None:
    import string

    english, chinese = (
        {name for _, name, _, _ in string.Formatter().parse(text) if name} for text in TEXTS[key]
    )
    assert english == chinese


def test_the_language_of_the_system_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert Texts()("ready") == "就绪。"
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert Texts()("ready") == "Ready."


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes only there")
def test_a_name_that_is_no_utf8_is_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "照片"
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"")
    assert repaired(f"{folder}/caf\xe9.jpg") == f"{folder}/" + os.fsdecode(b"caf\xe9.jpg")
    assert repaired(f"{folder}/é.jpg") == f"{folder}/é.jpg"


def test_an_address_is_a_path() -> None:
    assert local("file:///a%20b/%FF.jpg") == os.path.abspath(os.fsdecode(b"/a b/\xff.jpg"))


# ----- what is known of each file -------------------------------------------------------------------


def test_what_was_done_before_a_pause_counts_once() -> None:
    board = Board()
    board.add(imgpar.Outcome("/a", "ok"))
    board.add(imgpar.Outcome("/a", "skipped", reason="unchanged"))
    assert dict(board.counts) == {"ok": 1}


def test_a_clip_at_work_counts_in_part() -> None:
    board = Board()
    board.totals["drop"] = 2
    board.add(imgpar.Outcome("/a.jpg", "ok"))
    board.advance("/b.mp4", (25, 100))
    assert board.share == 0.625
    board.add(imgpar.Outcome("/b.mp4", "ok"))
    assert (board.share, board.clips) == (1.0, {})


def test_a_second_try_takes_the_place_of_the_first() -> None:
    board = Board()
    board.add(imgpar.Outcome("/a", "failed"))
    board.add(imgpar.Outcome("/a", "ok"))
    assert (board.counts["ok"], board.counts["failed"], board.done) == (1, 0, 1)


# ----- runs -----------------------------------------------------------------------------------------


def test_a_drop_is_converted_next_to_the_originals(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", "sub/b.png", size=(200, 100))
    control.drop([str(folder)], Settings(recipe="", size="100", format="jpg"))
    until(control, "idle")
    with Image.open(f"{folder}-imgpar/sub/b.jpg") as picture:
        assert picture.size == (100, 50)
    assert control.board.counts == {"ok": 2}


def test_the_window_knows_all_archives() -> None:
    assert all(ARCHIVE.sub("", f"/a/trip.{suffix}") == "/a/trip" for suffix in ARCHIVES)
    assert not ARCHIVE.search("/a/trip.jpg")


@pytest.mark.parametrize("name", ["trip.zip", "trip.tar"])
def test_a_dropped_archive_is_converted_like_a_folder_of_its_name(
    name: str, control: Control, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    picture = photo_folder("b.png", size=(200, 100)) / "b.png"
    archive = packed(tmp_path / name, {"sub/b.png": picture.read_bytes()})
    control.drop([str(archive)], Settings(recipe="", format="jpg"))
    until(control, "idle")
    assert (tmp_path / "trip-imgpar" / "sub" / "b.jpg").is_file()
    assert control.board.counts == {"ok": 1}


def test_what_is_dropped_meanwhile_comes_next(control: Control, photo_folder: FolderMaker) -> None:
    first, second = photo_folder("a.png", under="one"), photo_folder("b.png", under="two")
    control.drop([str(first)], Settings())
    control.drop([str(second)], Settings())
    until(control, "idle")
    assert (Path(f"{first}-imgpar/a.webp").exists(), Path(f"{second}-imgpar/b.webp").exists()) == (True, True)


def test_a_pause_can_go_on(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder(*(f"{number}.png" for number in range(60)))
    control.drop([str(folder)], Settings())
    control.pause()
    until(control, "paused", "idle")
    assert control.state == "paused"
    early = control.board.done
    control.go_on()
    until(control, "idle")
    assert early < 60
    assert control.board.counts == {"ok": 60}


def test_a_stop_keeps_what_is_done_and_again_does_the_rest(
    control: Control, photo_folder: FolderMaker
) -> None:
    folder = photo_folder(*(f"{number}.png" for number in range(60)))
    control.drop([str(folder)], Settings())
    control.stop()
    until(control, "idle")
    assert control.can_try_again
    control.again(Settings())
    until(control, "idle")
    assert sum(control.board.counts.values()) == 60
    assert len(list(Path(f"{folder}-imgpar").glob("*.webp"))) == 60


def test_a_file_that_is_no_picture_is_said_to_be_none(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    (folder / "b\nc.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("hello")
    control.drop([str(path) for path in sorted(folder.iterdir())], Settings())
    until(control, "idle")
    assert {os.path.basename(row.path): row.status for row in control.board.rows} == {
        "a.png": "ok",
        "b\nc.png": "failed",
        "notes.txt": "failed",
    }


def test_the_same_file_twice_is_said_to_be_twice(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    try:
        (folder.parent / "link").symlink_to(folder, target_is_directory=True)
    except OSError:
        pytest.skip("this user may not make links")
    control.drop([str(folder / "a.png"), str(folder.parent / "link" / "a.png")], Settings())
    until(control, "idle")
    assert control.board.counts == {"ok": 1, "skipped": 1}


def test_a_place_that_cannot_be_written_is_named(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    (folder / "taken").write_bytes(b"a file")
    settings = Settings(folder=str(folder / "taken"))
    control.drop([str(folder / "a.png")], settings)
    until(control, "idle")
    assert control.error
    said = Texts("en").error(control.error, control.folder)
    assert said.startswith(f"Nothing can be written to {folder / 'taken'}.")
    assert control.can_try_again


def said_of_a_drive(mode: str, folder: Path) -> dict[str, Any]:
    """What the window says when a drive is taken away, read-only or full."""
    needs("unshare")
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces here")
    command = [
        "unshare",
        "-rm",
        sys.executable,
        str(ROOT / "tests" / "helpers" / "unplug.py"),
        mode,
        str(folder),
    ]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=100)
    found: dict[str, Any] = json.loads(run.stdout)
    assert found["state"] == "idle"
    assert found["again"]
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces")
def test_a_drive_with_the_originals_that_is_taken_away(tmp_path: Path) -> None:
    found = said_of_a_drive("source", tmp_path)
    assert found["counts"]["ok"] > 3
    assert sum(found["counts"].values()) == 60
    assert found["problems"] == ["文件已不在原处，请检查磁盘是否断开。"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces")
def test_a_drive_for_the_results_that_is_taken_away(tmp_path: Path) -> None:
    found = said_of_a_drive("results", tmp_path)
    assert found["error"].startswith("The folder OUT is gone.")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces")
def test_a_drive_that_is_full(tmp_path: Path) -> None:
    found = said_of_a_drive("full", tmp_path)
    assert found["error"].startswith(("The disk is full.", "No space is left"))
    assert found["counts"]["ok"] > 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces")
def test_a_drive_that_may_not_be_written(tmp_path: Path) -> None:
    found = said_of_a_drive("readonly", tmp_path)
    assert found["error"].startswith("Nothing can be written to OUT.")
    assert found["counts"] == {}


def test_undo_deletes_the_new_files_and_no_others(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", "sub/b.png")
    control.drop([str(folder)], Settings())
    until(control, "idle")
    out = Path(f"{folder}-imgpar")
    (out / "a.webp").write_bytes(b"changed since")
    control.undo()
    until(control, "idle")
    assert control.undone
    assert (control.undone.gone, control.undone.kept) == (1, 1)
    assert [path.name for path in out.iterdir() if path.name != ".imgpar"] == ["a.webp"]
    assert (folder / "sub" / "b.png").exists()


def test_other_settings_keep_both_and_undo_takes_back_the_last(
    control: Control, photo_folder: FolderMaker
) -> None:
    folder = photo_folder("a.png")
    for size in ("40", "20"):
        control.drop([str(folder)], Settings(size=size))
        until(control, "idle")
    out = Path(f"{folder}-imgpar")
    assert sorted(path.name for path in out.glob("*.webp")) == ["a-1.webp", "a.webp"]
    control.undo()
    until(control, "idle")
    assert [path.name for path in out.glob("*.webp")] == ["a.webp"]


def test_names_come_from_the_template(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", size=(40, 30))
    control.drop([str(folder)], Settings(name="{stem}-{width}x{height}", size="width=20"))
    until(control, "idle")
    assert Path(f"{folder}-imgpar/a-20x15.webp").exists()


def test_files_are_no_larger_than_the_field_says(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", size=(200, 150))
    control.drop([str(folder)], Settings(recipe="", format="jpg", largest="4 kB"))
    until(control, "idle")
    assert 2000 < Path(f"{folder}-imgpar/a.jpg").stat().st_size <= 4000


# ----- one file of all ------------------------------------------------------------------------------


def test_one_pdf_is_made_of_a_folder(control: Control, photo_folder: FolderMaker) -> None:
    pdfium = pytest.importorskip("pypdfium2")
    folder = photo_folder("a.png", "b.png", "sub/c.png", size=(90, 60), under="Phone")
    control.drop([str(folder)], Settings(make="pdf", recipe=""))
    until(control, "idle")
    assert control.file == f"{folder}-imgpar{os.sep}Phone.pdf"
    with pdfium.PdfDocument(control.file) as document:
        assert len(document) == 3
    assert (control.board.counts, len(control.board.files)) == ({"ok": 3}, 1)
    assert control.board.bytes_out == os.path.getsize(control.file)


def test_one_contact_sheet_is_made_of_files(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", "b.png", size=(90, 60), under="Phone")
    control.drop([str(folder / "a.png"), str(folder / "b.png")], Settings(make="sheet", format="png"))
    until(control, "idle")
    assert control.file == str(folder / "imgpar" / "Phone.png")
    with Image.open(control.file) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 2 * 320 > sheet.height


def test_another_sheet_keeps_the_first_and_undo_takes_back_the_last(
    control: Control, photo_folder: FolderMaker
) -> None:
    folder = photo_folder("a.png", "b.png", under="Phone")
    for quality in ("80", "60"):
        control.drop([str(folder)], Settings(make="sheet", quality=quality, format="jpg"))
        until(control, "idle")
    out = Path(f"{folder}-imgpar")
    assert sorted(path.name for path in out.glob("*.jpg")) == ["Phone-1.jpg", "Phone.jpg"]
    control.undo()
    until(control, "idle")
    assert [path.name for path in out.glob("*.jpg")] == ["Phone.jpg"]


def test_undo_of_the_only_sheet_leaves_no_folder(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    control.drop([str(folder)], Settings(make="sheet"))
    until(control, "idle")
    control.undo()
    until(control, "idle")
    assert not Path(f"{folder}-imgpar").exists()


def test_a_sheet_is_no_input_of_the_next_drop(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    control.drop([str(folder / "a.png")], Settings(make="sheet"))
    until(control, "idle")
    control.drop([str(folder)], Settings())
    until(control, "idle")
    assert [os.path.basename(row.path) for row in control.board.rows] == ["a.png"]


def test_of_a_damaged_picture_no_file_is_made(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    (folder / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    control.drop([str(folder)], Settings(make="sheet"))
    until(control, "idle")
    assert [os.path.basename(path) for path in control.board.problems] == ["b.png"]
    assert (control.file, list(Path(f"{folder}-imgpar").glob("*.*p*g"))) == ("", [])
    assert control.can_try_again


def test_one_file_cannot_be_paused_but_stopped_and_made_again(
    control: Control, photo_folder: FolderMaker
) -> None:
    folder = photo_folder(*(f"{number}.png" for number in range(40)))
    control.drop([str(folder)], Settings(make="sheet", format="png"))
    control.pause()
    assert control.state == "running"
    control.stop()
    until(control, "idle")
    assert (control.board.counts["ok"], list(Path(f"{folder}-imgpar").glob("*.png"))) == (0, [])
    control.again(Settings(make="sheet", format="png"))
    until(control, "idle")
    assert control.board.counts == {"ok": 40}


# ----- the report -----------------------------------------------------------------------------------


def test_the_report_lies_beside_the_outputs_and_undo_deletes_it(
    control: Control, photo_folder: FolderMaker
) -> None:
    folder = photo_folder("a.png")
    (folder / "b.png").write_bytes(b"no picture")
    control.drop([str(folder)], Settings())
    until(control, "idle")
    control.report()
    until(control, "idle")
    page = Path(f"{folder}-imgpar") / PAGE
    assert control.page
    assert control.page.path == str(page)
    text = page.read_text("utf-8")
    assert text.index("b.png") < text.index("a.webp")  # failures come first
    assert "data:image/" in text
    control.undo()
    until(control, "idle")
    assert not page.exists()


def test_a_page_of_the_user_is_not_replaced_by_the_report(
    control: Control, photo_folder: FolderMaker
) -> None:
    folder = photo_folder("a.png")
    page = Path(f"{folder}-imgpar") / PAGE
    page.parent.mkdir()
    page.write_text("mine")
    control.drop([str(folder)], Settings())
    until(control, "idle")
    control.report()
    until(control, "idle")
    assert isinstance(control.page_error, imgpar.UsageError)
    assert page.read_text() == "mine"


@pytest.mark.parametrize("meanwhile", ["report", "undo"])
def test_what_is_dropped_while_something_else_is_at_work_comes_next(
    meanwhile: str, control: Control, photo_folder: FolderMaker
) -> None:
    first, second = photo_folder("a.png", under="one"), photo_folder("b.png", under="two")
    control.drop([str(first)], Settings())
    until(control, "idle")
    getattr(control, meanwhile)()
    control.drop([str(second)], Settings(format="png"))
    until(control, "running")
    until(control, "idle")
    assert Path(f"{second}-imgpar/b.png").exists()
    assert control.board.find(str(second / "b.png"))


def test_undo_leaves_no_empty_folder(control: Control, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", "sub/b.png")
    control.drop([str(folder)], Settings())
    until(control, "idle")
    control.undo()
    until(control, "idle")
    assert not Path(f"{folder}-imgpar").exists()


# ----- the system -------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="settings of GTK and KDE")
@pytest.mark.parametrize(
    ("theme", "scheme", "dark"),
    [
        ("Adwaita:dark", "", True),
        ("Adwaita", "BreezeDark", False),
        ("", "BreezeDark", True),
        ("", "Breeze", False),
    ],
)
def test_dark_follows_the_system(
    theme: str, scheme: str, dark: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GTK_THEME", theme)
    monkeypatch.setenv("PATH", "")  # no gsettings: KDE
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "kdeglobals").write_text(f"[General]\nColorScheme={scheme}\n", "utf-8")
    assert linux_is_dark() is dark


# ----- no window ------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_without_a_display_the_terminal_does_it(photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text(json.dumps({"recipe": "", "format": "jpg", "language": "en"}))
    script = [sys.executable, str(ROOT / "scripts" / "imgpar_drop.pyw"), str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    environment["PYTHONPATH"] = str(Path(imgpar.__file__).parent.parent)
    run = subprocess.run(script, capture_output=True, text=True, env=environment, check=False, timeout=100)
    assert run.returncode == 0
    assert "this goes on in the terminal" in run.stderr
    assert Path(f"{folder}-imgpar/a.jpg").exists()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_the_terminal_makes_one_file_of_all_too(
    photo_folder: FolderMaker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = photo_folder("a.png", "b.png", under="Phone")
    Settings(make="sheet", format="jpg").save()
    assert convert_in_terminal([str(folder)], "no_display") == 0
    assert Path(f"{folder}-imgpar/Phone.jpg").exists()
    assert "2 ok" in capsys.readouterr().out


@pytest.mark.parametrize(("language", "said"), [("en", "has no tkinter"), ("zh", "没有 tkinter")])
def test_without_tkinter_the_terminal_does_it(photo_folder: FolderMaker, language: str, said: str) -> None:
    folder = photo_folder("a.png")
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text(json.dumps({"recipe": "", "format": "jpg", "language": language}))
    program = "import sys; sys.modules['tkinter'] = None\nfrom imgpar.desktop import main\nsys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    run = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        capture_output=True, encoding="utf-8", env=environment, check=False, timeout=100,
    )  # fmt: skip
    assert run.returncode == 0
    assert said in run.stderr
    assert Path(f"{folder}-imgpar/a.jpg").exists()
