"""Lists of addresses and paths: what items are called, where their outputs lie, tables."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgpar
from imgpar.core.filenames import fold
from imgpar.core.job import Item
from imgpar.inputs.addresses import alternative, called, places_of
from imgpar.inputs.lists import InputList
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.tables import Columns, ListRow, read_rows


def items(rows: Sequence[str | ListRow] | Path, **settings: str) -> list[Item]:
    """The items of a list."""
    return [item for batch in InputList(rows, **settings).batches("") for item in batch.items]


def mirrors(*rows: str) -> list[str]:
    return [item.mirror for item in items(rows)]


def rows_of(data: bytes, name: str, columns: Columns = Columns()) -> list[ListRow]:  # noqa: B008
    return list(read_rows(io.BytesIO(data), name, columns))


# ----- names ----------------------------------------------------------------------------------------


def test_a_name_is_the_last_part_of_the_decoded_path() -> None:
    assert mirrors("https://h/p/a%20b.jpg?size=2", "https://h/c.png") == ["a b.jpg", "c.png"]


@pytest.mark.parametrize("other", ["https://i/q/a.jpg", "https://i/q/A.JPG", "https://i/q/a.png"])
def test_equal_stems_take_host_and_path(other: str) -> None:
    assert mirrors("https://h/p/a.jpg", other, "https://h/b.jpg") == [
        "h/p/a.jpg",
        "i/q/" + other.rpartition("/")[2],
        "b.jpg",
    ]


def test_what_only_the_query_tells_apart_takes_a_hash() -> None:
    first, second = items(["https://h/img?id=1", "https://h/img?id=2"])
    assert first.mirror.startswith("h/img-")
    assert second.mirror.startswith("h/img-")
    assert first.mirror != second.mirror
    assert first.path != second.path
    assert "id=" not in first.path


def test_one_address_of_a_path_keeps_its_name_whatever_its_query() -> None:
    (monday,), (tuesday,) = items(["https://h/a.jpg?sig=1"]), items(["https://h/a.jpg?sig=2"])
    assert (monday.path, monday.mirror) == (tuesday.path, tuesday.mirror) == ("https://h/a.jpg", "a.jpg")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://host", "host"),
        ("https://host/", "host"),
        ("https://host/p/", "index"),
        ("https://host/..", "_"),
        ("https://host/%2e%2e%2fa.jpg", "_._a.jpg"),
        ("https://host/..%5ca.jpg", "_._a.jpg"),
        ("https://host/a%00b.jpg", "a_b.jpg"),
        ("https://host/.imgpar", "_imgpar"),
        ("https://host/nul.png", "_nul.png"),
        ("https://host/a.jpg.", "a.jpg"),
        ("https://host/%20", "host"),
    ],
)
def test_names_that_are_none_are_replaced(address: str, name: str) -> None:
    assert places_of(address).short == name


def test_a_very_long_path_becomes_a_hash() -> None:
    places = places_of("https://host/" + "folder/" * 400 + "a" * 400 + ".jpg")
    assert len(places.long) < 500
    assert all(len(part) <= 255 for part in places.long.split("/"))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=8))
def test_no_path_leads_outside_and_no_two_meet(parts: list[str]) -> None:
    every = items([f"https://host/{part}" for part in parts])
    for item in every:
        names = item.mirror.split("/")
        assert all(name not in ("", ".", "..") and not name.startswith(".") for name in names)
        assert not set("\\\0") & set(item.mirror)
    assert len({fold(item.mirror) for item in every}) == len(every)


def test_the_order_of_the_rows_does_not_change_names() -> None:
    rows = ["https://h/p/a.jpg", "https://i/a.png", "https://h/b.jpg?x=1", "https://h/b.jpg?x=2"]
    assert dict(zip(rows, mirrors(*rows), strict=True)) == dict(
        zip(rows[::-1], mirrors(*rows[::-1]), strict=True)
    )


def test_an_item_is_called_by_its_address_without_secrets() -> None:
    (item,) = items(["HTTPS://me:word@Host/a.jpg?token=x#top"])
    assert item.path == "https://host/a.jpg"
    assert item.key == "HTTPS://me:word@Host/a.jpg?token=x#top"


@pytest.mark.parametrize(
    "address", ["https://h/a b.jpg?tok=S", "https://h/'a'.jpg?tok=S", "https://h/<a>?tok=S"]
)
def test_no_character_of_a_path_hides_the_query(address: str) -> None:
    assert "tok" not in called(address)


def test_names_of_earlier_runs_are_among_the_alternatives() -> None:
    item = Item("https://h/p/a.jpg", "h/p/a.jpg", 0, 0, listed=True)
    assert alternative(item, 1) == ("a.jpg", 0)


def test_rows_that_name_an_address_again_are_counted() -> None:
    batch = next(InputList(["https://h/a.jpg", "https://H/a.jpg", "https://h/a.jpg"]).batches(""))
    assert len(batch.items) == 1
    assert batch.notes == ("2 rows name an address again (row 2 is the first); each was taken once.",)


def test_a_scheme_that_nothing_opens_is_a_failed_row() -> None:
    (item,) = items(["foo://me:word@host/a.jpg"])
    assert "foo://" in item.error
    assert "word" not in item.error + item.path


def test_a_list_may_mix_paths_and_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"x")
    batches = list(InputList(["a.jpg", "https://h/p/a.png"]).batches(""))
    assert [(batch.files, batch.part) for batch in batches] == [(True, False), (False, True)]
    assert [item.mirror for batch in batches for item in batch.items] == ["a.jpg", "h/p/a.png"]


def test_patterns_apply_to_host_and_path() -> None:
    rows = ["https://h/p/a.jpg", "https://i/p/b.jpg", "https://h/p/c.png"]
    taken = [
        item.mirror
        for batch in InputList(rows).batches("", Patterns(("h/**",), ("*.png",)))
        for item in batch.items
    ]
    assert taken == ["a.jpg"]


def test_a_list_is_planned_in_parts() -> None:
    batches = list(InputList(f"https://h/{n}.jpg" for n in range(4500)).batches(""))
    assert [len(batch.items) for batch in batches] == [2000, 2000, 500]


# ----- tables ---------------------------------------------------------------------------------------


def test_a_table_has_keys_and_columns(tmp_path: Path) -> None:
    table = tmp_path / "u.csv"
    table.write_text('id,caption,url\n07,"a, b",https://h/x.JPG?t=S\nsub/8,c,https://h/x\n')
    first, second = items(table, key_column="id")
    assert (first.path, first.mirror) == ("list://07", "07.JPG")
    assert first.columns == (("caption", "a, b"), ("url", "https://h/x.JPG"))
    assert (second.path, second.mirror) == ("list://sub/8", "sub/8")


def test_a_key_that_comes_twice_is_a_failed_row(tmp_path: Path) -> None:
    table = tmp_path / "u.csv"
    table.write_text("id,url\n7,https://h/a\n7,https://h/b\n,https://h/c\n")
    first, second, third = items(table, key_column="id")
    assert not first.error
    assert "row 2" in second.error
    assert second.path == "list://u.csv:3"
    assert "no id" in third.error


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.csv", "\ufeffurl,n\r\nhttps://h/a.jpg,1\r\n"),
        ("u.csv", "url;n\nhttps://h/a.jpg;1\n"),
        ("u.tsv", "url\tn\nhttps://h/a.jpg\t1\n"),
        ("u.jsonl", '{"url": "https://h/a.jpg", "n": 1}\n\n'),
        ("u.ndjson", '{"n": "1", "URL": "https://h/a.jpg"}'),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_kinds_of_tables(name: str, text: str, packed: bool) -> None:
    data = gzip.compress(text.encode()) if packed else text.encode()
    (row,) = rows_of(data, name + (".gz" if packed else ""))
    assert (row.address, row.columns) == ("https://h/a.jpg", (("n", "1"),))


def test_parquet_is_read_in_pieces(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    urls = [f"https://h/{n}.jpg" for n in range(10_000)]
    columns = {"URL": urls, "n": list(range(10_000)), "raw": [b"\0"] * 10_000, "tags": [["a"]] * 10_000}
    parquet.write_table(pyarrow.table(columns), tmp_path / "u.parquet")
    rows = list(read_rows(open(tmp_path / "u.parquet", "rb"), "u.parquet", Columns()))  # noqa: SIM115
    assert [row.address for row in rows] == urls
    assert rows[-1].columns == (("n", "9999"), ("tags", '["a"]'))


def test_bad_rows_are_failed_rows_with_their_numbers() -> None:
    data = b'url,n\nhttps://h/a,1\nhttps://h/b\n"https://h/c"x,2\n\xff,3\n,4\nhttps://h/d,5\n"open,6\n'
    rows = rows_of(data, "u.csv")
    assert [(row.number, bool(row.error)) for row in rows] == [
        (2, False),
        (3, True),
        (4, True),
        (5, True),
        (6, True),
        (7, False),
        (8, True),
    ]


def test_a_line_that_is_no_json_object_is_a_failed_row() -> None:
    rows = rows_of(b'{"url": "https://h/a"}\nnope\n[1]\n{"n": 1}\n' + b"[" * 100_000 + b"\n", "u.jsonl")
    assert [bool(row.error) for row in rows] == [False, True, True, True, True]


def test_no_column_with_the_address_lists_the_columns() -> None:
    with pytest.raises(imgpar.UsageError, match="no column for the address; its columns are 'a', 'b'"):
        rows_of(b"a,b\n1,2\n", "u.csv")
    with pytest.raises(imgpar.UsageError, match="--key-column"):
        rows_of(b"url,b\nhttps://h/a,2\n", "u.csv", Columns(key="id"))


def test_a_table_without_header_is_named_without_secrets() -> None:
    with pytest.raises(imgpar.UsageError, match="first row") as caught:
        rows_of(b"https://h/a.jpg?token=SECRET,1\n", "u.csv")
    assert "SECRET" not in str(caught.value)


def test_a_cut_gzip_file_is_refused_as_a_whole() -> None:
    data = gzip.compress(b"url\n" + b"".join(b"https://h/%d.jpg\n" % n for n in range(9999)))
    with pytest.raises(imgpar.UsageError, match="to its end"):
        rows_of(data[:-100], "u.csv.gz")


def test_columns_need_a_table() -> None:
    with pytest.raises(imgpar.UsageError, match="no columns"):
        rows_of(b"https://h/a\n", "u.txt", Columns(key="id"))


def test_values_lose_the_secrets_of_addresses() -> None:
    (row,) = rows_of(b"url,page\nhttps://h/a,see https://me:word@i/p?token=x now\n", "u.csv")
    assert row.columns == (("page", "see https://i/p now"),)


def test_columns_of_files_come_from_tables_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "u.jsonl").write_text(json.dumps({"path": "a.jpg", "caption": "c"}) + "\n")
    (item,) = items(tmp_path / "u.jsonl")
    assert (os.path.basename(item.path), item.columns) == ("a.jpg", (("caption", "c"),))
