"""Templates of output names: what they may be, and the path that they give."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from imgpar.core.errors import BadValueError, UsageError
from imgpar.outputs.target_formats import WishedFile
from imgpar.outputs.templates import (
    FIELDS,
    OWN_SIZE,
    Naming,
    NoNameError,
    clean,
    name_template,
    parse_affix,
    parse_name,
    parse_names,
    parse_sizes,
)
from imgpar.outputs.wishes import sizes_that_fit

VALUES = {"stem": "IMG_1", "folders": "2024/may", "dir": "2024-may", "n": 7, "width": 640, "ext": "webp"}


def path(template: str, more: str = "", **values: object) -> str:
    return name_template(parse_name(template)).path({**VALUES, **values}, more, ".webp")


@pytest.mark.parametrize(
    "text",
    [
        "/{stem}", "../{stem}", "a/../{stem}", "a/./{stem}", "{stem}/", "{stem}/..", "a//{stem}",
        "{stem}/../..",
        "{date:%Y/../%m}/{stem}", "{camera|..}/{stem}", "{camera|.}/{stem}", " /{stem}",
    ],
)  # fmt: skip
def test_a_template_that_leaves_out_is_refused(text):
    with pytest.raises(BadValueError, match="may lead out of OUT"):
        parse_name(text)


@pytest.mark.parametrize(
    "text", ["C:/{stem}", "{stem}?", "a\\{stem}", "{stem}*", '{stem}"', "{stem}\n", "{date:%H:%M}"]
)
def test_characters_that_some_system_refuses_are_refused(text):
    with pytest.raises(BadValueError, match="in it, which is for no name"):
        parse_name(text)


def test_a_fallback_is_one_name():
    with pytest.raises(BadValueError, match="has a /"):
        parse_name("{camera|a/b}/{stem}")


@pytest.mark.parametrize("text", [".imgpar/{stem}", "a/.ImgPar/{stem}", "{camera|.imgpar}/{stem}"])
def test_the_folder_of_imgpar_is_refused(text):
    with pytest.raises(BadValueError, match="belongs to imgpar"):
        parse_name(text)


@pytest.mark.parametrize("text", ["photo", "{ext}", "{width}x{height}", "{page}"])
def test_a_name_that_is_the_same_for_all_inputs_is_refused(text):
    with pytest.raises(BadValueError, match="a name with a field such as"):
        parse_name(text)


def test_a_suffix_is_refused_where_the_format_decides():
    with pytest.raises(BadValueError, match=r"Leave \.jpg out"):
        parse_name("{stem}.jpg")


@pytest.mark.parametrize("text", ["{stem}.v2", "{stem}.{n}"])
def test_a_dot_in_a_name_is_no_suffix(text):
    assert parse_name(text) == text


def test_an_unknown_field_names_the_closest():
    with pytest.raises(BadValueError, match=r"Did you mean \{camera\}\?"):
        parse_name("{camra}")


def test_the_suffix_is_implied():
    assert parse_name("{n}-{stem}.{ext}") == "{n}-{stem}"


def test_the_plain_name_changes_nothing():
    assert (parse_name("{stem}.{ext}"), parse_names("{stem}.{ext}")) == ("", "{stem}")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{stem}-{width}", "IMG_1-640.webp"),
        ("{n:03}_{stem}", "007_IMG_1.webp"),
        ("{dir}/{stem}", "2024/may/IMG_1.webp"),
        ("x/{dir}/{stem}", "x/2024/may/IMG_1.webp"),
        ("{dir}-{stem}", "2024-may-IMG_1.webp"),
        ("{dir}/{dir}-{n}", "2024/may/2024-may-7.webp"),
        ("{ext}/{stem}", "webp/IMG_1.webp"),
        ("{date:%Y/%m}/{stem}", "2024/05/IMG_1.webp"),
    ],
)
def test_a_template_gives_a_path(template, expected):
    assert path(template, date=datetime(2024, 5, 1)) == expected


def test_an_input_directly_in_out_has_no_folder():
    assert path("{dir}/{stem}", folders="", dir="") == "IMG_1.webp"


def test_an_empty_folder_is_left_out():
    assert path("{camera|}/{stem}", camera="") == "IMG_1.webp"


def test_a_name_that_is_taken_gets_the_rest_behind_it():
    assert path("{n}", "IMG_1.jpg") == "7-IMG_1.jpg.webp"


def test_a_missing_value_is_named():
    with pytest.raises(NoNameError, match=r"It has no \{camera\} for its name. .*\{camera\|unknown\}"):
        path("{camera}-{stem}")


@pytest.mark.parametrize("stem", [".", "..", " "])
def test_a_name_of_dots_only_is_refused(stem):
    with pytest.raises(NoNameError, match="which is no name"):
        path("{stem}{camera|}", stem=stem, camera="")


@pytest.mark.parametrize("folder", ["..", ".", "...", ".imgpar", ".IMGPAR"])
def test_a_value_leads_into_no_other_folder(folder):
    with pytest.raises(NoNameError, match="no name for a folder"):
        path("{parent}/{stem}", parent=folder)


def test_a_long_name_is_shortened():
    made = path("{stem}-{width}", stem="ä" * 200)
    assert len(made.encode()) <= 255
    assert made.endswith(".webp")
    assert made != path("{stem}-{width}", stem="ä" * 201)


def test_a_long_folder_is_shortened():
    assert all(len(part.encode()) <= 255 for part in path("{parent}/{stem}", parent="ä" * 200).split("/"))


@pytest.mark.parametrize(
    "text", ["../../etc", "a\\b", "C:", "a\0b", "\n", ".", "..", "a/..", "\x7f", "COM?*|"]
)
def test_values_of_metadata_are_no_paths(text):
    made = path("{camera|none}-{stem}", camera=clean(text))
    assert "/" not in made
    assert "\\" not in made
    assert made.isprintable()


@pytest.mark.parametrize("text", ["a/b", "", "x:", "a\n"])
def test_an_affix_is_a_part_of_a_name(text):
    with pytest.raises(BadValueError):
        parse_affix(text)


@pytest.mark.parametrize(
    ("naming", "template"),
    [
        (Naming(), ""),
        (Naming(prefix="a-", suffix="-b"), "a-{stem}-b"),
        (Naming(prefix="{", suffix="}"), "{{{stem}}}"),
        (Naming(name="{n}/{stem}", prefix="a-"), "{n}/a-{stem}"),
        (Naming(sizes=(10, 20), suffix="-s"), "{stem}-{width}-s"),
        (Naming(sizes=(10,), name="{stem}"), ""),
    ],
)
def test_prefix_and_suffix_are_parts_of_the_template(naming, template):
    assert naming.template() == template


def test_an_output_may_have_a_name_of_its_own():
    assert Naming(name="{n}", prefix="a-").template("{stem}-x") == "a-{stem}-x"


def test_flat_and_folders_exclude_each_other():
    with pytest.raises(UsageError, match="exclude each other"):
        Naming(flat=True, name="{date:%Y}/{stem}").check()


def test_sizes_need_their_size_in_the_name():
    with pytest.raises(UsageError, match=r"need \{width\} or \{height\}"):
        Naming(sizes=(10, 20), name="{stem}").check()
    Naming(sizes=(10, 20), name="{stem}_{height}").check()
    Naming(sizes=(10,), name="{stem}").check()


@pytest.mark.parametrize("value", ["", "x", "0", "10,", "-5", [], [1.5], True, "10x20", list(range(1, 60))])
def test_sizes_are_widths(value):
    with pytest.raises(BadValueError, match="widths in pixels"):
        parse_sizes(value)


def test_sizes_are_sorted_and_each_is_once():
    assert parse_sizes("640, 320,640") == parse_sizes((640, 320)) == (320, 640)


@pytest.mark.parametrize(
    ("own", "kept"),
    [
        (2000, [320, 640]),
        (640, [320, 640]),
        (500, [320, OWN_SIZE]),
        (320, [320]),
        (100, [OWN_SIZE]),
    ],
)
def test_no_size_is_larger_than_the_input(own, kept):
    files = [
        WishedFile("webp", ".webp", branch, size=size) for branch, size in enumerate((320, 640, OWN_SIZE))
    ]
    made = [(min(own, 320), 9), (min(own, 640), 9), (own, 9)]
    assert [file.size for file, _ in sizes_that_fit(files, made)] == kept


def test_the_document_lists_every_field():
    text = (Path(__file__).parents[2] / "docs" / "names.md").read_text("utf-8")
    assert [field.name for field in FIELDS if f"`{{{field.name}}}`" not in text] == []
    assert [name for name in Naming.options() if f"--{name}" not in text] == []


@pytest.mark.parametrize(
    ("text", "fix"), [("{stem}_%03d", "{n:03}"), ("%d-{stem}", "{n}"), ("{stem}%2d", "{n:2}")]
)
def test_a_counter_of_printf_names_the_field(text, fix):
    with pytest.raises(BadValueError, match=re.escape(f"Write {fix}.")):
        parse_name(text)


def test_a_day_is_no_counter_of_printf():
    assert parse_name("{date:%d}-{stem}") == "{date:%d}-{stem}"


def test_the_number_of_sizes_has_a_unit():
    with pytest.raises(BadValueError, match="up to 50 widths in pixels, such as"):
        parse_sizes("640w")
