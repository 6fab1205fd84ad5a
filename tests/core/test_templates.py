"""Templates: the grammar, values, and what is refused."""

from datetime import datetime

import pytest

from imgpar.core.errors import BadValueError
from imgpar.core.templates import DIRECTIVES, Field, parse_template

FIELDS = (
    Field("stem", "text", "the name"),
    Field("width", "number", "in pixels"),
    Field("date", "date", "when it was taken"),
)
DATE = datetime(2024, 2, 3, 4, 5, 6)


def made(text, **values):
    return parse_template(text, FIELDS).format(values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{stem}-{width}", "a-320"),
        ("{width:05}", "00320"),
        ("{width:5}", "00320"),
        ("{stem:3}", "a"),
        ("{date}", "2024-02-03"),
        ("{date:%Y%m%d_%H:%M:%S}", "20240203_04:05:06"),
        ("{date:%Y/%m}/{stem}", "2024/02/a"),
        ("{date:100%%-%j}", "100%-034"),
        ("{{{stem}}}", "{a}"),
        ("{{stem}}", "{stem}"),
        ("none", "none"),
        ("{stem|other}", "a"),
        ("é{stem}日", "éa日"),
    ],
)
def test_values_are_inserted(text, expected):
    assert made(text, stem="a", width=320, date=DATE) == expected


def test_a_limited_text_is_cut():
    assert made("{stem:2}", stem="abc") == "ab"


@pytest.mark.parametrize("directive", sorted(DIRECTIVES))
def test_dates_are_those_of_strftime(directive):
    for date in (DATE, datetime(1999, 12, 31, 23, 59, 58), datetime(2021, 1, 1)):
        assert made(f"{{date:%{directive}}}", date=date) == date.strftime(f"%{directive}")


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_value_takes_the_fallback(value):
    assert made("{stem|no name}", stem=value) == "no name"


def test_a_fallback_may_be_empty():
    assert made("a{stem|}", stem=None) == "a"


def test_a_date_may_have_a_format_and_a_fallback():
    assert made("{date:%Y|undated}") == "undated"


def test_a_missing_value_without_a_fallback_gives_none():
    assert made("{stem}-{width}", stem="a") is None


def test_what_is_missing_is_named():
    template = parse_template("{stem}{date}{width|0}", FIELDS)
    assert template.missing({}) == ("stem", "date")


def test_a_default_stands_for_what_is_missing():
    assert parse_template("<{stem}>", FIELDS).format({}, default="") == "<>"


def test_zero_is_a_value():
    assert made("{width}", width=0) == "0"


def test_values_of_text_are_cleaned_and_literals_are_not():
    template = parse_template("x/{stem}/{date:%Y/%m}", FIELDS)
    cleaned = template.format({"stem": "a/b", "date": DATE}, clean=lambda text: text.replace("/", "_"))
    assert cleaned == "x/a_b/2024/02"


def test_values_are_never_templates():
    assert made("{stem}", stem="{width}", width=1) == "{width}"


def test_a_template_knows_its_fields():
    assert parse_template("{stem}{stem}{width}", FIELDS).fields == {"stem", "width"}


def test_literals_are_all_text_that_is_no_value():
    assert parse_template("a{stem|b}c{date:%Y?|d}", FIELDS).literals == ["a", "b", "c", "d", "?"]


@pytest.mark.parametrize("text", ["{", "}", "{stem", "stem}", "{stem}}", "{{stem}", "{a{b}}"])
def test_single_braces_are_refused(text):
    with pytest.raises(BadValueError, match="for braces"):
        parse_template(text, FIELDS)


@pytest.mark.parametrize(
    "text", ["{stem.__class__}", "{stem!r}", "{stem[0]}", "{}", "{0}", "{wdth }", "{stem.real}", "{ stem}"]
)
def test_there_is_no_access_to_anything_else(text):
    with pytest.raises(BadValueError, match="There is no"):
        parse_template(text, FIELDS)


def test_an_unknown_field_names_the_closest():
    with pytest.raises(BadValueError, match=r"There is no \{widht\}.*Did you mean \{width\}\?"):
        parse_template("{widht}", FIELDS)


def test_an_unknown_field_that_is_close_to_none_gets_the_list():
    with pytest.raises(BadValueError, match=r"Known are \{stem\}, \{width\}, \{date\}"):
        parse_template("{xyzzy}", FIELDS)


@pytest.mark.parametrize(
    "text",
    [
        "{width:x}", "{width:.3f}", "{width:}", "{width:000}", "{width:99}", "{stem:>9}", "{stem:0}",
        "{date:%B}", "{date:%x}", "{date:Y}", "{date:}", "{date:%Y%}",
    ],
)  # fmt: skip
def test_a_wrong_spec_is_refused(text):
    with pytest.raises(BadValueError, match="needs a"):
        parse_template(text, FIELDS)


def test_a_wrong_spec_of_a_date_names_the_directives():
    with pytest.raises(BadValueError, match="%Y, %y, %m, %d"):
        parse_template("{date:%B}", FIELDS)


def test_a_template_has_a_maximal_length():
    with pytest.raises(BadValueError, match="at most 2000 characters"):
        parse_template("x" * 2001, FIELDS)


def test_an_empty_template_is_refused():
    with pytest.raises(BadValueError):
        parse_template("", FIELDS)
