"""What the window says of failures: real ones, in both languages."""

from __future__ import annotations

import ast
import errno
import os
import re
import string
import sys
from pathlib import Path

import pytest
from conftest import FolderMaker
from PIL import Image

import imgpar
from imgpar.desktop.problems import KINDS, KNOWN, chinese, one_line, plain_sentences, whole
from imgpar.desktop.said import NOTES, loss
from imgpar.desktop.settings import Settings
from imgpar.desktop.texts import Texts
from imgpar.desktop.wording import TEXTS

CHINESE = re.compile("[\u4e00-\u9fff]")
ROOT = getattr(os, "geteuid", lambda: 1)() == 0


def outcome_of(path: Path, **settings: object) -> imgpar.Outcome:
    """What imgpar says of one file."""
    report = imgpar.convert([str(path)], str(path.parent / "out"), jobs=1, **settings)
    return report.items[0]


def said(path: Path, **settings: object) -> str:
    """The Chinese sentence for what happens to one file."""
    outcome = outcome_of(path, **settings)
    assert outcome.status == "failed"
    assert outcome.kind in KINDS
    sentence = Texts("zh").problem(outcome)
    assert CHINESE.search(sentence)
    return sentence


# ----- one sentence for every failure ---------------------------------------------------------------


def test_every_kind_of_failure_has_a_chinese_sentence() -> None:
    kinds = {name for name in imgpar.__all__ if name.endswith("Error")}
    assert kinds - {"ImgparError", "ItemError"} <= {*KINDS, *TEXTS}


@pytest.mark.parametrize("pattern", KNOWN)
def test_a_sentence_asks_for_no_more_than_its_pattern_finds(pattern: str) -> None:
    asked = {int(name) for _, name, _, _ in string.Formatter().parse(KNOWN[pattern]) if name}
    assert all(number < re.compile(pattern).groups for number in asked)


def test_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"hello")
    assert said(tmp_path / "a.jpg", to="png") == "虽然名称是 JPEG，内容却不是可识别的图片。"


def test_no_picture_by_name_either(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert said(tmp_path / "notes.txt", to="png") == "内容不是可识别的图片。"


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    assert said(tmp_path / "a.png") == "文件是空的（0 字节）。"


def test_a_damaged_file(photo_folder: FolderMaker) -> None:
    path = photo_folder("a.png") / "a.png"
    path.write_bytes(path.read_bytes()[:-200])
    assert said(path, to="jpg") == KINDS["DamagedError"]


def test_a_picture_that_is_too_large(tmp_path: Path) -> None:
    Image.new("L", (400, 300)).save(tmp_path / "a.png")
    assert said(tmp_path / "a.png", to="jpg", max_pixels=1000) == "图片太大：400 × 300 像素，超出限制。"


def test_a_picture_that_is_too_wide_for_the_format(tmp_path: Path) -> None:
    Image.new("L", (20000, 4)).save(tmp_path / "a.png")
    assert said(tmp_path / "a.png", to="webp").startswith("这种格式每边最多 16383 像素，图片为 20000 × 4。")


@pytest.mark.parametrize(("kind", "sentence"), [("jpg", "质量最低时仍有"), ("png", "没有质量可以降低")])
def test_a_largest_file_that_is_too_small(photo_folder: FolderMaker, kind: str, sentence: str) -> None:
    path = photo_folder("a.png") / "a.png"
    assert sentence in said(path, to=kind, max_bytes=100)


def test_a_file_that_is_there_already(photo_folder: FolderMaker) -> None:
    path = photo_folder("a.png") / "a.png"
    (path.parent / "out").mkdir()
    (path.parent / "out" / "a.jpg").write_bytes(b"mine")
    assert said(path, to="jpg", on_exists="error") == "同名文件已经存在，没有覆盖。"


@pytest.mark.skipif(sys.platform == "win32" or ROOT, reason="root may read everything")
def test_a_file_that_may_not_be_read(photo_folder: FolderMaker) -> None:
    path = photo_folder("a.png") / "a.png"
    path.chmod(0)
    assert said(path) == "没有读取权限。"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "没有读取权限。"),
        (errno.ENOENT, "文件已不在原处，请检查磁盘是否断开。"),
        (errno.EIO, "磁盘读取出错，或磁盘已断开。请重新连接，然后点“重试”。"),
        (errno.ENODEV, "磁盘读取出错，或磁盘已断开。请重新连接，然后点“重试”。"),
    ],
)
def test_what_the_system_says_of_reading(number: int, sentence: str) -> None:
    from imgpar.inputs.batches import why_unreadable

    assert chinese(why_unreadable(OSError(number, os.strerror(number))), "SourceError") == sentence


def test_a_file_among_others_that_is_gone(photo_folder: FolderMaker) -> None:
    path = photo_folder("a.png") / "a.png"
    report = imgpar.convert([str(path), str(path.parent / "gone.png")], str(path.parent / "out"), jobs=1)
    (failed,) = (outcome for outcome in report.items if outcome.status == "failed")
    assert Texts("zh").problem(failed) == "文件不存在。"


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ({"size": "big"}, "尺寸“big”不正确。"),
        ({"quality": "101"}, "质量“101”不正确。"),
        ({"largest": "tiny"}, "文件上限“tiny”不正确。"),
        ({"name": "{x}"}, "文件名中不能用“x”。例如 {date"),
        ({"name": "../a"}, "文件名“../a”会离开保存位置。"),
        ({"name": "a?"}, "文件名“a?”中不能有 ?。"),
        ({"name": "{date"}, "文件名“{date”不正确。"),
        ({"name": "{n:x}"}, "文件名“{n:x}”不正确。"),
        ({"recipe": "social", "make": "pdf"}, "方案 social 会把每个图片变成几个文件"),
        ({"recipe": "none.toml"}, "无法读取方案文件 none.toml"),
    ],
)
def test_a_wrong_field(field: dict[str, str], sentence: str) -> None:
    with pytest.raises(imgpar.UsageError) as raised:
        Settings(**field).pipeline()
    assert Texts("zh").error(raised.value, "").startswith(sentence)


@pytest.mark.parametrize("kind", ["RunError", "DiskFullError", "ArenaError", "OutputError", "NoInputError"])
def test_a_run_that_cannot_go_on(kind: str) -> None:
    assert CHINESE.search(Texts("zh").error(getattr(imgpar, kind)("English."), "/out"))


def test_what_nobody_thought_of_is_said_as_it_is() -> None:
    assert Texts("zh").error(ValueError("what?"), "") == "发生意外错误：ValueError: what?"


def test_the_english_window_says_what_the_library_says() -> None:
    outcome = imgpar.Outcome("/a", "failed", error="It is empty (0 bytes). Use --strict.", kind="SourceError")
    assert Texts("en").problem(outcome) == "It is empty (0 bytes)."


# ----- words ----------------------------------------------------------------------------------------


def test_details_have_the_english_words_and_the_kind() -> None:
    outcome = imgpar.Outcome("/a", "failed", error="It is empty.", kind="SourceError", stage="read")
    assert whole(outcome) == "It is empty.\nSourceError in stage read"


def test_advice_for_the_command_line_is_left_out() -> None:
    assert plain_sentences("OUT has a file. Choose another with --on-exists rename.") == "OUT has a file."
    assert plain_sentences("Use --to.") == "Use --to."


def test_a_line_end_in_a_name_is_visible() -> None:
    assert one_line("a\nb") == "a⏎b"


# ----- what an output lacks, and notes ----------------------------------------------------------------


def words_for_losses() -> set[str]:
    """Every word that the library adds to what is lost, from its source."""
    found = set()
    for path in (Path(imgpar.__file__).parent).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                to_lost = node.func.attr in ("append", "add") and "lost" in ast.unparse(node.func.value)
                found |= words_in(node) if to_lost else set()
            elif isinstance(node, ast.keyword) and node.arg == "lost":
                found |= words_in(node.value) if isinstance(node.value, ast.Tuple) else set()
    return found


def words_in(node: ast.AST) -> set[str]:
    """The texts of an expression, without those that are taken from elsewhere."""
    parts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    return {part.strip(" ,") for part in parts if isinstance(part, str)} - {"", "system.posix_acl", "uint8"}


def test_every_loss_has_a_name_in_both_languages() -> None:
    words = words_for_losses()
    assert len(words) > 15
    assert {word for word in words if loss(word, "zh") == word} == set()


def test_losses_are_told_in_the_language_of_the_window(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 30), (200, 30, 40, 90)).save(tmp_path / "a.png")
    outcome = outcome_of(tmp_path / "a.png", to="jpg")
    assert Texts("zh").lost(outcome.lost) == "丢失：透明度"
    assert Texts("en").lost(outcome.lost) == "lost: transparency"


@pytest.mark.parametrize(
    ("language", "said_of_it"),
    [("en", "removed as you chose: the place (GPS)"), ("zh", "按设置去除：拍摄地点（GPS）")],
)
def test_what_was_removed_on_request_is_told_without_a_flag(
    tmp_path: Path, language: str, said_of_it: str
) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0), 3: "E", 4: (11.0, 30.0, 0.0)})
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    outcome = outcome_of(tmp_path / "a.jpg", to="webp", strip="gps")
    assert [Texts(language).note(note) for note in outcome.notes] == [said_of_it]


def test_a_note_is_told_in_chinese(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    outcome = outcome_of(tmp_path / "a.png", to="jpg", max_bytes=100_000)
    for note in outcome.notes:
        assert CHINESE.search(Texts("zh").note(note)), note


@pytest.mark.parametrize("pattern", NOTES)
def test_a_chinese_note_asks_for_no_more_than_its_pattern_finds(pattern: str) -> None:
    asked = {int(name) for _, name, _, _ in string.Formatter().parse(NOTES[pattern]) if name}
    assert all(number < re.compile(pattern).groups for number in asked)
