"""Units of sizes: of files as they are printed, of memory as it is allocated."""

import pytest

from imgpar.batch.report import format_size
from imgpar.batch.run_options import RunOptions
from imgpar.core import parsing
from imgpar.core.errors import BadValueError
from imgpar.core.job import Item
from imgpar.formats.options import EncodeOptions
from imgpar.inputs.where import Condition


@pytest.mark.parametrize("count", [300_000, 1_500_000, 2_000_000_000])
def test_a_printed_size_is_read_as_the_same_number(count: int) -> None:
    assert parsing.file_size(format_size(count)) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [("500k", 500_000), ("500 kB", 500_000), ("500K", 500_000), ("1.5M", 1_500_000), ("2G", 2 * 10**9),
     ("500Ki", 512_000), ("500 KiB", 512_000), ("1MiB", 1 << 20), ("77", 77), ("77B", 77), (77, 77)],
)  # fmt: skip
def test_sizes_of_files_are_decimal_unless_the_unit_says_otherwise(text: object, count: int) -> None:
    assert parsing.file_size(text) == count


@pytest.mark.parametrize("text", ["800M", "800MB", "800 MiB"])
def test_sizes_of_memory_are_binary(text: str) -> None:
    assert parsing.memory_size(text) == 800 << 20


@pytest.mark.parametrize("text", ["-1", "5 iB", "5X", "", True])
def test_other_texts_are_no_size_of_a_file(text: object) -> None:
    with pytest.raises(BadValueError, match="a size such as 300k, 2M or"):
        parsing.file_size(text)


def test_the_limit_of_an_output_is_a_size_of_a_file() -> None:
    assert EncodeOptions.options()["max_bytes"].parse("500k") == 500_000


def test_a_condition_on_bytes_is_a_size_of_a_file() -> None:
    assert Condition.parse("bytes>1MB").holds(Item("/a.jpg", "a.jpg", 1_020_000, 9))


def test_the_memory_of_a_run_is_a_size_of_memory() -> None:
    assert RunOptions.options()["memory"].parse("2G") == 2 << 30


@pytest.mark.parametrize("value", ["10", 10, "800", "0", "64k"])
def test_too_little_memory_names_the_least_of_it(value: object) -> None:
    with pytest.raises(BadValueError, match="Expected at least 1M for the value"):
        parsing.shared_memory(value)


def test_memory_without_a_unit_names_those_that_are_probably_meant() -> None:
    with pytest.raises(BadValueError, match=r"received '10'. Did you mean 10M or 10G\?$"):
        parsing.shared_memory("10")


def test_memory_of_a_worker_without_a_unit_names_the_one_that_suffices() -> None:
    with pytest.raises(BadValueError, match=r"at least 128M .* Did you mean 4G\?$"):
        parsing.worker_memory(4)


@pytest.mark.parametrize("address", ["garbage", "head:", ":6379", "head:0", "head:65536", "a b:1", "10.0.1"])
def test_what_is_no_address_of_a_cluster_is_refused(address: str) -> None:
    with pytest.raises(BadValueError, match="Expected HOST:PORT, such as 10"):
        parsing.cluster_address(address)


def test_a_misspelt_word_for_a_cluster_names_the_right_one() -> None:
    with pytest.raises(BadValueError, match="Did you mean 'auto'"):
        parsing.cluster_address("aut")
