"""Input that means harm or has bad luck: damaged files, odd names, what is no file, files that go."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.batch.picture.reading import read_whole
from imgpar.core.errors import ImgparError, ItemError, SourceError, UsageError
from imgpar.core.limits import Limits
from imgpar.formats import codec
from imgpar.pixels.geometry import parse_gravity, parse_length, parse_lengths
from imgpar.pixels.sizes import parse_canvas, parse_geometry, parse_region
from imgpar.recipe.recipe import Recipe

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
posix = pytest.mark.skipif(os.name == "nt", reason="there are no such files there")

FORMATS = ("jpg", "png", "webp", "gif", "tif", "bmp")
OTHERS = ("avif", "jp2", "ico", "tga", "ppm", "hdr")


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


def convert(session, folder, out, **settings):
    return imgpar.convert(folder, out, session=session, **{"to": "png", **settings})


def good(folder: Path, name: str, size: tuple[int, int] = (120, 90)) -> bytes:
    return (testing.write_pictures(folder, [name], size=size) / name).read_bytes()


# ----- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_cut_anywhere_is_named_damaged(session, tmp_path, suffix):
    """Or it holds all its pixels: what is missing is a trailer."""
    whole = good(tmp_path / "whole", f"a.{suffix}")
    folder = tmp_path / "in"
    folder.mkdir()
    for percent in range(5, 100, 5):
        (folder / f"{percent:02}.{suffix}").write_bytes(whole[: len(whole) * percent // 100])
    report = convert(session, folder, tmp_path / "out")
    assert report.total == 19
    convert(session, tmp_path / "whole", tmp_path / "right")
    right = (tmp_path / "right/a.png").read_bytes()
    silent = [Path(item.source).name for item in report.items if item.status == "ok" and not item.notes]
    assert [
        name for name in silent if (tmp_path / "out" / name).with_suffix(".png").read_bytes() != right
    ] == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_left_of_a_cut_file_can_be_kept_and_is_said_to_be_damaged(session, tmp_path, suffix):
    whole = good(tmp_path / "in", f"a.{suffix}")
    (tmp_path / f"in/a.{suffix}").write_bytes(whole[: len(whole) * 8 // 10])
    report = convert(session, tmp_path / "in", tmp_path / "out", accept_damaged=True)
    if report.ok:
        assert report.items[0].notes
        with Image.open(tmp_path / "out/a.png") as image:
            assert image.size == (120, 90)
    else:
        assert report.items[0].error


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), suffix=st.sampled_from((*FORMATS, *OTHERS)))
def test_no_bytes_make_a_header_reader_raise_anything_but_its_own_errors(tmp_path_factory, data, suffix):
    whole = bytearray(WHOLE[suffix])
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        header = codec.read_header(bytes(whole[:cut]), f"a.{suffix}", Limits(max_pixels=1 << 20))
    except ItemError:
        return
    assert header.spec.width * header.spec.height <= 1 << 20


def _whole(suffix: str) -> bytes:
    import io

    buffer = io.BytesIO()
    kind = {"jpg": "jpeg", "tif": "tiff", "jp2": "jpeg2000"}.get(suffix, suffix)
    Image.fromarray(testing.pattern(40, 30)).save(buffer, kind)
    return buffer.getvalue()


WHOLE = {suffix: _whole(suffix) for suffix in (*FORMATS, *OTHERS) if suffix != "hdr"}
WHOLE["hdr"] = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 5\n" + bytes(range(80))


# ----- parsers --------------------------------------------------------------------------------------

SHORT = st.text(alphabet=st.sampled_from("0123456789x%+-.:MPpx e√∞é\0\n/,"), max_size=14) | st.text(
    max_size=8
)


@pytest.mark.parametrize(
    "parse", [parse_geometry, parse_region, parse_canvas, parse_length, parse_lengths, parse_gravity]
)
@settings(max_examples=150, deadline=None)
@given(text=SHORT)
def test_no_text_makes_a_parser_raise_anything_but_a_usage_error(parse, text):
    try:
        parse(text)
    except UsageError as error:
        assert str(error)  # noqa: PT017 - most texts are wrong; what counts is how


@settings(max_examples=150, deadline=None)
@given(
    table=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["to", "quality", "steps", "resize", "fit", "crop", "strip", "name", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_no_table_makes_a_recipe_raise_anything_but_a_usage_error(table):
    try:
        Recipe.from_dict(table if isinstance(table, dict) else {"steps": table}, "a test")
    except ImgparError as error:
        assert isinstance(error, UsageError)  # noqa: PT017


# ----- names ----------------------------------------------------------------------------------------


@pytest.mark.slow
@linux
@pytest.mark.parametrize(
    "name",
    [
        b"caf\xe9.png",
        b"x" * 251 + b".png",
        "🦊 und Fuchs.png".encode(),
        b"two\nlines.png",
        b"-o.png",
        b"--help.png",
        b" .png",
        b"%s{0}.png",
        b"a\\b.png",
        b"x:y.png",
    ],
    ids=ascii,
)
def test_any_name_is_kept(tmp_path, name):
    good(tmp_path, "a.png")
    folder = os.path.join(os.fsencode(tmp_path), b"in")
    os.mkdir(folder)
    os.rename(os.path.join(os.fsencode(tmp_path), b"a.png"), os.path.join(folder, name))
    command = [
        sys.executable,
        "-m",
        "imgpar",
        "convert",
        "-j",
        "1",
        "--resize",
        "50%",
        "-o",
        "out",
        "--",
        name,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    found = os.listdir(os.path.join(folder, b"out"))
    assert [entry for entry in found if entry != b".imgpar"] == [name]


# ----- what is no file ------------------------------------------------------------------------------


@posix
def test_pipes_sockets_devices_and_loops_are_left_alone(session, tmp_path):
    folder = testing.write_pictures(tmp_path / "in", ["a.png"])
    os.mkfifo(folder / "pipe.png")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "circle").symlink_to(folder, target_is_directory=True)
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "endless.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(folder)  # names of sockets are short
        try:
            listening.bind("socket.png")
        finally:
            os.chdir(here)
        report = convert(session, folder, tmp_path / "out")
    assert report.ok == 1
    assert [path.name for path in (tmp_path / "out").glob("*.png")] == ["a.png"]


@posix
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_named_and_no_file_fails_without_waiting(session, tmp_path, kind):
    folder = testing.write_pictures(tmp_path / "in", ["a.png"])
    odd = Path("/dev/zero")
    if kind == "pipe":
        odd = tmp_path / "pipe.png"
        os.mkfifo(odd)
    report = imgpar.convert([folder, odd], tmp_path / "out", session=session, to="png")
    assert (report.ok, report.failed) == (1, 1)


# ----- what changes ---------------------------------------------------------------------------------


def test_a_file_that_vanishes_before_it_is_read_fails_alone(session, tmp_path):
    folder = testing.write_pictures(tmp_path / "in", [f"{number:02}.png" for number in range(80)])

    def remove(event):
        if event.done == 1:
            (folder / "79.png").unlink(missing_ok=True)

    report = convert(session, folder, tmp_path / "out", on_event=remove)
    assert (report.ok, report.failed) == (79, 1)
    assert report.failures[0].stage == "read"


@posix
def test_a_file_that_has_become_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(SourceError, match="named pipe"):
        read_whole(str(tmp_path / "a.jpg"))


@linux
def test_a_file_whose_size_is_not_what_can_be_read_is_refused():
    """The system's own files say 4096 bytes and hold a line; so does a file that is cut while it is read."""
    path = "/sys/devices/system/cpu/online"
    if not os.access(path, os.R_OK):
        pytest.skip(f"there is no {path}")
    with pytest.raises(SourceError, match="changed while it was read"):
        read_whole(path)
