"""What waits for Start, what undo takes back, and the other options of the window, under Xvfb."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tkinter import messagebox

import pytest
from conftest import FolderMaker
from PIL import Image
from test_window import Screen, display, own_home, screen, wait_for

from imgpar.desktop import looks
from imgpar.desktop.paths import folder_beside
from imgpar.desktop.settings import Settings
from imgpar.desktop.texts import size_text
from imgpar.desktop.theme import DARK, LIGHT

__all__ = ["display", "own_home", "screen"]


@pytest.fixture
def waiting() -> Iterator[Screen]:
    """A window as it is when it is opened for the first time."""
    made = Screen(Settings(language="en", look="light"))
    yield made
    made.leave()
    del made
    gc.collect()  # Tcl has to be deleted by the thread that made it


def outputs(folder: Path) -> list[str]:
    """The files beside a folder."""
    out = Path(f"{folder}-imgpar")
    return sorted(path.name for path in out.rglob("*.*") if path.is_file() and ".imgpar" not in path.parts)


# ----- Start ----------------------------------------------------------------------------------------


def test_a_drop_waits_for_start(waiting: Screen, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", "b.png")
    waiting.window.drop([str(folder)])
    waiting.until(lambda: waiting.rows() == [(folder.name, "waits for Start", "")])
    assert waiting.window.status.line["text"] == "1 dropped. Press Start."
    assert outputs(folder) == []
    waiting.window.buttons.main.invoke()
    waiting.idle()
    assert outputs(folder) == ["a.webp", "b.webp"]


def test_drops_add_up_until_start(waiting: Screen, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", "b.png")
    for name in ("a.png", "b.png", "a.png"):
        waiting.window.drop([str(folder / name)])
    assert waiting.window.control.collected == (str(folder / "a.png"), str(folder / "b.png"))


def test_what_waits_is_taken_out_by_delete(waiting: Screen, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", "b.png")
    waiting.window.drop([str(folder / "a.png"), str(folder / "b.png")])
    waiting.window.files.files.show(waiting.window.control.board.rows)
    waiting.window.files.files.select(0)
    waiting.focus(waiting.window.files.files.tree)
    waiting.window.files.files.tree.event_generate("<Delete>")
    waiting.until(lambda: waiting.window.control.collected == (str(folder / "b.png"),))


def test_clear_empties_what_waits(waiting: Screen, photo_folder: FolderMaker) -> None:
    waiting.window.drop([str(photo_folder("a.png"))])
    assert waiting.window.buttons.stop["text"] == "Clear"
    waiting.window.buttons.stop.invoke()
    assert (waiting.window.control.collected, waiting.window.control.board.rows) == ((), [])


def test_a_wrong_field_keeps_start_from_starting(waiting: Screen, photo_folder: FolderMaker) -> None:
    size = waiting.window.form.fields["size"]
    size.box.set("large")
    assert size.message["text"].startswith("✗ ")
    waiting.window.drop([str(photo_folder("a.png"))])
    waiting.window.buttons.main.invoke()
    assert waiting.window.control.state == "idle"
    assert "wrong" in waiting.window.status.detail["text"]
    size.box.set("320")
    waiting.window.buttons.main.invoke()
    waiting.idle()
    assert waiting.window.control.board.counts == {"ok": 1}


def test_a_trial_shows_what_would_become_of_a_file(waiting: Screen, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", size=(400, 300))
    waiting.window.form.fields["size"].box.set("200")
    waiting.window.drop([str(folder / "a.png")])
    waiting.until(lambda: len(waiting.window.compare.images) == 2)
    assert "200 × 150" in waiting.window.compare.after_["text"]
    assert outputs(folder) == []


def test_an_estimate_says_bytes_before_the_start(waiting: Screen, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", "b.png", size=(400, 300))
    waiting.window.drop([str(folder)])
    waiting.window.buttons.estimate.invoke()
    waiting.until(lambda: waiting.window.control.estimate)
    answer = waiting.window.control.estimate
    assert answer
    assert answer.found
    waiting.until(lambda: "for 2 files of" in waiting.window.status.detail["text"])
    assert size_text(round(answer.found.bytes_out.value)) in waiting.window.status.detail["text"]
    assert waiting.window.control.can_start


def test_what_is_dropped_with_the_icon_waits(photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    command = [sys.executable, "-m", "imgpar.desktop", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as program:
        found: list[str] = []
        wait_for(lambda: bool(found.extend(windows()) or found))
        program.terminate()
        assert program.wait(60) == 0
    assert outputs(folder) == []


def windows() -> list[str]:
    """The visible windows of imgpar."""
    command = ["xdotool", "search", "--onlyvisible", "--name", "^imgpar$"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


# ----- undo -----------------------------------------------------------------------------------------


def test_undo_goes_back_drop_by_drop(screen: Screen, photo_folder: FolderMaker) -> None:
    one, two = photo_folder("a.png", under="one"), photo_folder("b.png", under="two")
    for folder in (one, two):
        screen.window.drop([str(folder)])
        screen.idle()
    left = []
    for _ in range(2):
        screen.window.undo()
        screen.idle()
        left.append((outputs(one), outputs(two)))
    assert left == [(["a.webp"], []), ([], [])]
    assert not screen.window.control.can_undo


def test_undo_keeps_what_an_earlier_drop_made(screen: Screen, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    screen.window.drop([str(folder)])
    screen.idle()
    Image.new("RGB", (30, 20)).save(folder / "b.png")
    screen.window.drop([str(folder)])
    screen.idle()
    screen.window.undo()
    screen.idle()
    assert outputs(folder) == ["a.webp"]


def test_originals_that_were_replaced_come_back(screen: Screen, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png", "b.png", size=(400, 300))
    before = {path.name: path.read_bytes() for path in folder.glob("*.png")}
    screen.window.form.fields["recipe"].box.set("Only what is set below")
    screen.window.form.fields["size"].box.set("100")
    screen.window.form.switches["in_place"].invoke()
    screen.window.drop([str(folder / "a.png")])
    screen.idle()
    with Image.open(folder / "a.png") as picture:
        assert picture.size == (100, 75)
    screen.window.undo()
    screen.idle()
    assert "first" in screen.asked[-1]
    assert screen.window.status.line["text"] == "1 originals are back."
    assert {path.name: path.read_bytes() for path in folder.glob("*.png")} == before


@pytest.mark.skipif(not os.environ.get("PATH") or sys.platform in ("win32", "darwin"), reason="keys of X11")
@pytest.mark.parametrize("key", ["Return", "space"])
def test_the_question_before_undo_is_answered_by_keys(
    screen: Screen, photo_folder: FolderMaker, key: str, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = photo_folder("a.png")
    screen.window.drop([str(folder)])
    screen.idle()
    screen.window.ask = messagebox.askyesno
    root, trouble = screen.window.root, []
    root.report_callback_exception = lambda *error: trouble.append(error)

    def answer() -> None:
        names = root.tk.splitlist(root.tk.call("winfo", "children", "."))
        dialog = next((name for name in names if str(name).endswith("__tk__messagebox")), None)
        if dialog is None:
            root.after(50, answer)
            return
        button = f"{dialog}.yes"
        root.tk.call("focus", "-force", button)
        root.update()
        root.tk.call("event", "generate", button, f"<{key}>")

    root.after(50, answer)
    screen.window.undo()
    screen.idle()
    assert (trouble, outputs(folder)) == ([], [])
    assert "Error" not in capfd.readouterr().err


# ----- options --------------------------------------------------------------------------------------


def test_folders_are_watched_until_stop(screen: Screen, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    screen.window.form.switches["watch"].invoke()
    screen.window.drop([str(folder)])
    screen.until(lambda: outputs(folder) == ["a.webp"])
    assert not screen.window.control.can_pause
    Image.new("RGB", (30, 20)).save(folder / "late.png")
    screen.until(lambda: outputs(folder) == ["a.webp", "late.webp"])
    screen.until(lambda: "Watching: 2 done" in screen.window.status.line["text"])
    screen.window.stop()
    screen.idle()
    assert screen.window.control.board.counts == {"ok": 2}


def test_a_watermark_and_enlarged_pictures(screen: Screen, photo_folder: FolderMaker) -> None:
    folder = photo_folder(under="grey")
    Image.new("RGB", (120, 90), (60, 60, 60)).save(folder / "a.png")
    form = screen.window.form
    form.fields["format"].box.set("png")
    form.fields["size"].box.set("640")
    form.switches["enlarge"].invoke()
    form.fields["mark"].box.set("© Ada")
    screen.window.drop([str(folder)])
    screen.idle()
    with Image.open(Path(f"{folder}-imgpar") / "a.png") as picture:
        assert picture.size == (640, 480)
        corner = picture.convert("L").crop((400, 380, 640, 480))
        assert corner.getextrema()[1] > 150
        assert picture.convert("L").crop((0, 0, 300, 300)).getextrema() == (60, 60)


def test_an_address_of_the_web_is_an_input(screen: Screen, tmp_path: Path) -> None:
    address = "http://127.0.0.1:9/a%20b.jpg"
    screen.window.form._set(folder=str(tmp_path / "out"))
    screen.window.drop([address])
    screen.idle()
    assert list(screen.window.control.board.problems) == [address]
    assert folder_beside([address]).endswith(f"{os.sep}imgpar")


@pytest.mark.parametrize(("width", "shown"), [(330, {"form"}), (900, {"form", "files", "compare"})])
def test_a_narrow_window_shows_its_parts_by_turns(screen: Screen, width: int, shown: set[str]) -> None:
    window = screen.window
    width = max(width, window.root.minsize()[0])  # which depends on the resolution
    window.root.geometry(f"{width}x600")
    screen.until(lambda: window.root.winfo_width() == width)
    parts = {"form": window.form, "files": window.files, "compare": window.compare}
    screen.until(lambda: {name for name, part in parts.items() if part.winfo_ismapped()} == shown)
    assert window.buttons.winfo_rootx() + window.buttons.winfo_width() <= window.root.winfo_rootx() + width


def test_the_line_between_before_and_after_moves(screen: Screen, photo_folder: FolderMaker) -> None:
    screen.window.drop([str(photo_folder("a.png", size=(400, 300)))])
    screen.until(lambda: len(screen.window.compare.images) == 2)
    compare = screen.window.compare
    compare.slider.set(0.25)
    screen.window.root.update()
    assert abs(compare._left.winfo_width() - compare._whole.winfo_width() * 0.25) <= 1
    screen.window.enlarge()
    screen.until(lambda: compare._whole.winfo_height() > 500, "the pictures did not get the window")
    screen.until(lambda: compare.images[0].height() > 400, "the pictures were not rendered for it")
    screen.window.stop()  # Escape
    screen.until(lambda: screen.window.form.winfo_ismapped())


def test_the_look_of_the_system_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "PAUSE", 0.05)
    monkeypatch.setenv("GTK_THEME", "Adwaita")
    made = Screen(Settings(language="en", at_once=True))
    try:
        assert made.window.root["background"] == LIGHT.ground
        made.window.form.fields["size"].box.set("123")
        monkeypatch.setenv("GTK_THEME", "Adwaita:dark")
        made.until(lambda: made.window.root["background"] == DARK.ground)
        assert made.window.form.fields["size"].text == "123"
    finally:
        made.leave()
        gc.collect()


def test_a_long_name_is_shortened_in_the_middle(screen: Screen) -> None:
    name = f"holiday {'very ' * 30}long.jpg"
    screen.window.control.board.wait([f"/photos/{name}"])
    tree = screen.window.files.files.tree
    screen.until(tree.get_children)
    shown = str(tree.item(tree.get_children()[0], "values")[0])
    begin, end = shown.split("…")
    assert name.startswith(begin)
    assert name.endswith(end)
    assert len(end) > len(".jpg")
    assert screen.window.theme.plain.measure(shown) <= tree.column("File", "width")
