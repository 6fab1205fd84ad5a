"""The entries in the menus: written, found again, taken out, and nothing else touched."""

from __future__ import annotations

import configparser
import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs.windows
import pytest

import imgpar
from imgpar.cli import main
from imgpar.desktop.entries import _empty_bundle, install, menu_entries, remove_entries
from imgpar.desktop.entries_linux import quoted
from imgpar.desktop.entries_windows import registry_keys
from imgpar.desktop.entry import command

LINUX = sys.platform.startswith("linux")
linux_only = pytest.mark.skipif(not LINUX, reason="menus of Linux")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("APPDATA", "WIN_PD_OVERRIDE_APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_an_entry_with_a_space_is_one_word() -> None:
    word = quoted('/my "own" python/100%')
    # Backslashes are doubled as in every value, then a shell-like reading of the line gives the word.
    assert shlex.split(word.replace("\\\\", "\\").replace("%%", "%")) == ['/my "own" python/100%']


@linux_only
def test_what_is_installed_is_removed_and_nothing_else(tmp_path: Path) -> None:
    mine = tmp_path / "share" / "applications" / "mine.desktop"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    made = [entry.path for entry in install()]
    assert all(path.exists() for path in made)
    assert remove_entries() == made
    assert [path for path in (tmp_path / "share").rglob("*") if path.is_file()] == [mine]
    assert remove_entries() == []


@linux_only
@pytest.mark.skipif(not shutil.which("desktop-file-validate"), reason="there is no desktop-file-validate")
def test_the_entry_is_valid(tmp_path: Path) -> None:
    install()
    entry = tmp_path / "share" / "applications" / "imgpar.desktop"
    run = subprocess.run(["desktop-file-validate", str(entry)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


@linux_only
@pytest.mark.skipif(not shutil.which("update-desktop-database"), reason="there is no index to look into")
def test_open_with_knows_the_entry(tmp_path: Path) -> None:
    install()
    index = tmp_path / "share" / "applications" / "mimeinfo.cache"
    assert "image/jpeg=imgpar.desktop;" in index.read_text("utf-8").splitlines()
    remove_entries()
    assert not index.exists()


@linux_only
def test_actions_of_file_managers_have_the_documented_form(tmp_path: Path) -> None:
    made = {entry.what: entry for entry in menu_entries("linux", everywhere=True)}
    for name, place in (("Nautilus", "share/nautilus/scripts"), ("Caja", "config/caja/scripts")):
        script = made[f"action of {name}"]
        assert script.path.parent == tmp_path / place
        assert script.executable
        assert subprocess.run(["sh", "-n"], input=script.content, check=False).returncode == 0
    for what, group in (("menu", "Desktop Entry"), ("action of Nemo", "Nemo Action")):
        entry = configparser.ConfigParser(interpolation=None)
        entry.read_string(made[what].content.decode())
        assert entry[group]["Exec"].endswith(" -m imgpar.desktop %F")
    dolphin = configparser.ConfigParser(interpolation=None)
    dolphin.read_string(made["action of Dolphin"].content.decode())
    assert dolphin["Desktop Entry"]["Type"] == "Service"
    assert dolphin["Desktop Action imgpar"]["Exec"].endswith("%F")
    assert made["action of Dolphin"].executable  # Plasma asks for it


@linux_only
def test_the_command_of_the_menu_starts_this_imgpar(tmp_path: Path) -> None:
    assert main(["desktop", "install"]) == 0
    text = (tmp_path / "share" / "applications" / "imgpar.desktop").read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("Exec="))
    command = shlex.split(line.removeprefix("Exec="))
    assert command[0] == sys.executable
    assert command[-1] == "%F"
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    environment |= {"PYTHONPATH": str(Path(imgpar.__file__).parent.parent), "LC_ALL": "C"}
    run = subprocess.run(
        command[:-1], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 2
    assert "terminal" in run.stderr
    assert main(["desktop", "remove"]) == 0


def test_a_quick_action_is_two_property_lists_that_run_this_python() -> None:
    action = [entry for entry in menu_entries("darwin") if ".workflow" in str(entry.path)]
    info, document = (plistlib.loads(entry.content) for entry in action)
    assert info["NSServices"][0]["NSMessage"] == "runWorkflowAsService"
    command = document["actions"][0]["action"]["ActionParameters"]["COMMAND_STRING"]
    assert shlex.split(command)[:3] == [sys.executable, "-m", "imgpar.desktop"]


def test_send_to_is_where_windows_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {"CSIDL_APPDATA": str(tmp_path / "config")}
    monkeypatch.setattr(platformdirs.windows, "get_win_folder", folders.__getitem__)
    shell = tmp_path / "config/Microsoft/Windows"
    links = [shell / "SendTo/imgpar.lnk", shell / "Start Menu/Programs/imgpar.lnk"]
    assert [entry.path for entry in menu_entries("win32")] == links


def test_verbs_of_windows_have_the_documented_form() -> None:
    keys = {key.path: dict(key.values) for key in registry_keys()}
    for kind in ("Directory", r"SystemFileAssociations\image"):
        verb = rf"Software\Classes\{kind}\shell\imgpar"
        assert keys[verb] == {"": "Convert with imgpar", "MultiSelectModel": "Single"}
        line = keys[rf"{verb}\command"][""]
        assert line == f'{subprocess.list2cmdline(command())} "%1"'


def test_a_bundled_program_is_started_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/im gpar/imgpar")
    assert command() == ["/opt/im gpar/imgpar"]
    (menu,) = (entry for entry in menu_entries("linux") if entry.what == "menu")
    assert 'Exec="/opt/im gpar/imgpar" %F' in menu.content.decode()


def test_the_program_of_macos_takes_pictures_and_is_removed_whole(tmp_path: Path) -> None:
    made = [entry for entry in menu_entries("darwin") if ".app" in str(entry.path)]
    (about, script) = made
    information = plistlib.loads(about.content)
    assert information["CFBundleExecutable"] == script.path.name
    assert information["CFBundleDocumentTypes"][0]["LSItemContentTypes"][0] == "public.image"
    assert subprocess.run(["sh", "-n"], input=script.content, check=False).returncode == 0
    for entry in made:
        entry.path.parent.mkdir(parents=True, exist_ok=True)
        entry.path.write_bytes(entry.content)
    for entry in made:
        entry.path.unlink()
        _empty_bundle(entry.path)
    assert not about.path.parents[1].exists()
    assert (tmp_path / "home" / "Applications").is_dir()


@linux_only
def test_menus_that_cannot_be_written_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "share").write_text("a file where a folder should be")
    assert main(["desktop", "install"]) == 4
    assert "cannot be written" in capsys.readouterr().err
