"""The manifest and the page of snippets: complete, the same again, and safe whatever files are called."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
import xxhash
from page_tree import Element, read_page
from PIL import Image
from video_clips import make_clip

import imgpar
from imgpar.batch.pages.looks import Looks
from imgpar.batch.pages.manifest import read_known
from imgpar.batch.pages.paths import Links
from imgpar.batch.pages.site import SiteFile
from imgpar.batch.pages.snippets import picture_element
from imgpar.cli import main
from imgpar.pixels.placeholders import blurhash, thumbhash
from imgpar.testing import pattern, write_pictures

ODD = "o \"<b>&#x27;'%,\u202e.jpg"
"""A name with everything that HTML and URLs treat in a way of their own."""


def pipeline() -> imgpar.Pipeline:
    """Two widths, each in three formats."""
    pipe = imgpar.Pipeline()
    for width in (40, 80):
        pipe = pipe.output(resize=f"{width}x", to="avif,webp,jpg", name=f"{{stem}}-{width}", quality=60)
    return pipe


class Site(NamedTuple):
    folder: Path
    manifest: dict[str, Any]
    page: str
    report: imgpar.Report

    @property
    def tree(self) -> Element:
        return read_page(self.page)

    def outputs(self, name: str) -> list[dict[str, Any]]:
        """Of the input that is named like this."""
        return next(item["outputs"] for item in self.manifest["items"] if item["source"].endswith(f"/{name}"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    names = ["photo.jpg", *([] if os.name == "nt" else [ODD]), "sub/two.jpg"]
    write_pictures(folder / "in", names)
    glass = np.dstack([pattern(96, 64, 9), np.full((64, 96), 99, np.uint8)])
    Image.fromarray(glass, "RGBA").save(folder / "in" / "glass.png")
    (folder / "in" / "bad.png").write_bytes(b"no picture")
    out = folder / "out"
    report = pipeline().run(
        folder / "in", out, manifest=out / "site.json", html=out / "pictures.html", jobs=2
    )
    manifest = json.loads((out / "site.json").read_bytes())
    return Site(folder, manifest, (out / "pictures.html").read_text("utf-8"), report)


# ----- the manifest -------------------------------------------------------------------------------------


def test_every_input_is_in_the_manifest_in_order(site: Site) -> None:
    sources = [item["source"] for item in site.manifest["items"]]
    found = [
        os.path.relpath(one.source, site.folder / "out").replace(os.sep, "/") for one in site.report.items
    ]
    assert sources == found
    assert len(sources) >= 4


def test_the_manifest_says_how_an_output_is(site: Site) -> None:
    made = next(file for file in site.outputs("photo.jpg") if file["path"] == "photo-80.webp")
    data = (site.folder / "out" / "photo-80.webp").read_bytes()
    assert (made["format"], made["type"], made["width"], made["height"]) == ("webp", "image/webp", 80, 53)
    assert (made["bytes"], made["digest"]) == (len(data), xxhash.xxh3_128_hexdigest(data))
    assert site.manifest["digest"] == "xxh3-128"


def test_the_hashes_are_those_of_the_pixels(site: Site) -> None:
    made = next(file for file in site.outputs("photo.jpg") if file["path"] == "photo-80.webp")
    with Image.open(site.folder / "out" / "photo-80.webp") as picture:
        pixels = np.asarray(picture.convert("RGBA"))
    assert made["blurhash"] == blurhash(pixels)
    assert made["thumbhash"] == base64.b64encode(thumbhash(pixels)).decode()


def test_the_manifest_knows_transparent_pictures(site: Site) -> None:
    said = {file["path"]: file["transparent"] for file in site.outputs("glass.png")}
    assert (said["glass-40.webp"], said["glass-40.avif"], said["glass-40.jpg"]) == (True, True, False)


def test_an_input_that_failed_has_no_outputs_but_a_reason(site: Site) -> None:
    failed = next(item for item in site.manifest["items"] if item["source"].endswith("bad.png"))
    assert (failed["outputs"], failed["error"][:11]) == ([], "Its content")


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_a_url_leads_to_its_file_whatever_its_name(site: Site) -> None:
    for file in site.outputs(ODD):
        assert file["url"].isascii()
        assert not set(file["url"]) & set(" \"<>,'\\")
        assert os.stat(os.path.join(os.fsencode(site.folder / "out"), unquote_to_bytes(file["url"])))


def test_a_second_run_writes_the_same_manifest(site: Site, tmp_path: Path) -> None:
    out, again = site.folder / "out", tmp_path / "again.json"
    report = pipeline().run(site.folder / "in", out, manifest=again, jobs=1)
    assert report.ok == 0
    assert again.read_bytes() == (out / "site.json").read_bytes()


def test_what_an_earlier_manifest_says_of_the_same_bytes_is_taken_over(site: Site, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    text = (site.folder / "out" / "site.json").read_text("ascii")
    made = next(file for file in site.outputs("photo.jpg") if file["path"] == "photo-80.webp")
    mine.write_text(text.replace(made["blurhash"], "Lmine"), encoding="ascii")
    pipeline().run(site.folder / "in", site.folder / "out", manifest=mine, jobs=1)
    assert "Lmine" in mine.read_text("ascii")


def test_what_an_earlier_manifest_says_of_other_bytes_is_not(site: Site, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    text = (site.folder / "out" / "site.json").read_text("ascii")
    made = next(file for file in site.outputs("photo.jpg") if file["path"] == "photo-80.webp")
    text = text.replace(made["blurhash"], "Lmine").replace(made["digest"], "0" * 32)
    mine.write_text(text, encoding="ascii")
    pipeline().run(site.folder / "in", site.folder / "out", manifest=mine, jobs=1)
    assert mine.read_bytes() == (site.folder / "out" / "site.json").read_bytes()


@pytest.mark.parametrize(
    "change", [{"colour": "red;}"}, {"width": "1"}, {"blurhash": None}, {"format": "x"}, {"seconds": "1"}]
)
def test_a_manifest_that_was_tampered_with_is_not_believed(
    site: Site, tmp_path: Path, change: dict[str, Any]
) -> None:
    path = tmp_path / "site.json"
    manifest = json.loads(json.dumps(site.manifest))
    for item in manifest["items"]:
        for file in item["outputs"]:
            file |= change
    path.write_text(json.dumps(manifest), encoding="ascii")
    assert read_known(str(path), str(site.folder / "out")) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"kind": "manifest"}', "[" * 100_000])
def test_a_manifest_that_cannot_be_read_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "site.json").write_text(text, encoding="ascii")
    assert read_known(str(tmp_path / "site.json"), str(tmp_path)) == {}


def test_a_manifest_fits_its_schema(site: Site) -> None:
    root = Path(__file__).resolve().parents[3]
    schema = json.loads((root / "docs" / "manifest.schema.json").read_text("utf-8"))
    check(site.manifest, schema)


def check(value: Any, schema: dict[str, Any]) -> None:
    """The parts of JSON Schema that this one uses."""
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
    }
    assert isinstance(value, kinds[schema["type"]])
    assert value == schema.get("const", value)
    if schema["type"] == "object":
        assert set(schema["required"]) <= value.keys() <= schema["properties"].keys()
        for key, part in value.items():
            check(part, schema["properties"][key])
    if schema["type"] == "array":
        for part in value:
            check(part, schema["items"])


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names are Unicode there")
def test_a_name_that_is_not_utf_8_is_kept_exactly(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["a.png"])
    os.rename(tmp_path / "a.png", os.path.join(os.fsencode(tmp_path), b"caf\xe9.png"))
    out = tmp_path / "out"
    imgpar.convert(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")), out, to="webp", jobs=1,
                   manifest=out / "m.json", html=out / "p.html")  # fmt: skip
    (item,) = json.loads((out / "m.json").read_bytes())["items"]
    (file,) = item["outputs"]
    assert (file["path"], file["url"]) == ("caf\\xe9.webp", "caf%E9.webp")
    assert bytes.fromhex(file["path_hex"]) == b"caf\xe9.webp"
    assert "caf\\xe9.png" in read_page((out / "p.html").read_text("utf-8")).text


def test_clips_have_a_duration_and_frames(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", frames=10)
    out = tmp_path / "out"
    imgpar.convert(tmp_path / "a.mp4", out, manifest=out / "m.json", html=out / "p.html", jobs=1)
    (file,) = json.loads((out / "m.json").read_bytes())["items"][0]["outputs"]
    assert (file["type"], file["frames"], len(file["blurhash"])) == ("video/mp4", 10, 28)
    assert file["seconds"] > 0
    (video,) = read_page((out / "p.html").read_text("utf-8")).all("video")
    assert [source.attributes for source in video.all("source")] == [{"src": "a.mp4", "type": "video/mp4"}]


def test_the_manifest_of_a_single_file_is_relative_to_its_folder(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["a.png"])
    imgpar.convert(tmp_path / "a.png", tmp_path / "b.webp", manifest=tmp_path / "m.json", jobs=1)
    (item,) = json.loads((tmp_path / "m.json").read_bytes())["items"]
    assert (item["source"], item["outputs"][0]["path"]) == ("a.png", "b.webp")


# ----- the snippets -------------------------------------------------------------------------------------


def test_each_input_has_one_picture_with_its_formats_in_order(site: Site) -> None:
    pictures = site.tree.all("picture")
    assert len(pictures) == sum(bool(item["outputs"]) for item in site.manifest["items"])
    kinds = {tuple(source.attributes["type"] for source in picture.all("source")) for picture in pictures}
    assert kinds == {("image/avif", "image/webp")}


def test_a_source_names_every_width(site: Site) -> None:
    picture = next(
        one for one in site.tree.all("picture") if "photo-40" in one.all("img")[0].attributes["src"]
    )
    avif = picture.all("source")[0].attributes
    assert avif["srcset"] == "photo-40.avif 40w, photo-80.avif 80w"
    assert avif["sizes"] == "auto, 100vw"


def test_the_fallback_is_the_jpeg_with_the_size_of_the_largest(site: Site) -> None:
    picture = next(
        one for one in site.tree.all("picture") if "photo-40" in one.all("img")[0].attributes["src"]
    )
    (image,) = picture.all("img")
    colour = next(file["colour"] for file in site.outputs("photo.jpg") if file["path"] == "photo-80.jpg")
    assert image.attributes == {
        "src": "photo-40.jpg", "width": "80", "height": "53", "alt": "", "loading": "lazy",
        "decoding": "async", "srcset": "photo-40.jpg 40w, photo-80.jpg 80w", "sizes": "auto, 100vw",
        "style": f"background-color:{colour}",
    }  # fmt: skip


def test_what_is_copied_is_what_is_shown(site: Site) -> None:
    for section in site.tree.all("section"):
        (code,) = section.all("code")
        shown = read_page(code.text).all("picture")
        assert shown == section.all("picture")


def test_names_cannot_add_markup(site: Site) -> None:
    assert site.tree.all("b") == []
    assert "\u202e" not in site.page


def test_addresses_begin_with_the_base_url(site: Site, tmp_path: Path) -> None:
    page, manifest = tmp_path / "p.html", tmp_path / "m.json"
    source, out = site.folder / "in" / "sub", site.folder / "out" / "sub"
    pipeline().run(source, out, html=page, manifest=manifest, base_url="/img", jobs=1)
    (section,) = read_page(page.read_text("utf-8")).all("section")
    assert 'src="/img/two-40.jpg"' in section.text
    assert json.loads(manifest.read_bytes())["items"][0]["outputs"][0]["url"] == "/img/two-40.avif"


def file(
    name: str, width: int, height: int, colour: str = "#123456", *, transparent: bool = False
) -> SiteFile:
    looks = Looks("", width, height, colour=colour, transparent=transparent)
    return SiteFile(f"/out/{name}", 1, "", looks)


def test_one_format_and_size_is_one_img() -> None:
    found = picture_element([file("a.webp", 8, 6)], Links("/out", "/out"))
    assert found == (
        '<img src="a.webp" width="8" height="6" alt="" loading="lazy" decoding="async" '
        'style="background-color:#123456">'
    )


def test_a_transparent_picture_has_no_background() -> None:
    assert "style" not in picture_element([file("a.webp", 8, 6, transparent=True)], Links("/out", "/out"))


def test_what_no_browser_shows_has_no_element() -> None:
    assert picture_element([file("a.tif", 8, 6), file("a.xmp", 0, 0)], Links("/out", "/out")) == ""


def test_another_shape_is_another_picture(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["a.png"])
    pipe = (
        imgpar.Pipeline()
        .output(resize="40x", to="webp")
        .output(resize="30x30", fit="cover", to="webp", name="{stem}-square")
    )
    pipe.run(tmp_path / "a.png", tmp_path / "out", html=tmp_path / "p.html", jobs=1)
    images = read_page((tmp_path / "p.html").read_text("utf-8")).all("img")
    assert [image.attributes["src"] for image in images] == ["out/a.webp", "out/a-square.webp"]


# ----- what cannot be written ---------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_pictures(tmp_path, ["a.png"])
    (tmp_path / "mine.json").write_text('{"schema": 1}', encoding="ascii")
    (tmp_path / "mine.html").write_text("<p>mine", encoding="ascii")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--manifest", "mine.json"], "mine.json already exists and is not a manifest"),
        (["--html", "mine.html"], "mine.html already exists and is not a page of snippets"),
        (["--html", "page.json"], "is no name of a page"),
        (["--manifest", "gone/m.json"], "cannot be written to 'gone/m.json'"),
        (["--manifest", "x.json", "--report", "x.json"], "name the same file"),
        (["--base-url", "/img/"], "neither was given"),
        (["--base-url", "a b", "--html", "p.html"], "Expected the beginning of a URL"),
    ],
)
def test_a_mistake_is_one_sentence(
    here: Path, capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert main(["convert", "a.png", "-o", "out", *flags]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert (error.count("\n"), (here / "out").exists()) == (1, False)


@pytest.mark.parametrize("out", ["out.zip", "-"])
def test_outputs_that_are_no_files_in_a_folder_have_no_manifest(
    here: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    assert main(["convert", "a.png", "-o", out, "--manifest", "m.json"]) == 2
    assert "--manifest lists files in a folder" in capsys.readouterr().err


def test_a_dry_run_says_that_it_would_be_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "a.png", "-o", "out", "--manifest", "m.json", "-n"]) == 0
    assert "m.json would be written." in capsys.readouterr().err
    assert not (here / "m.json").exists()


def test_the_last_event_comes_when_the_manifest_is_there(here: Path) -> None:
    seen = list[tuple[str, bool]]()
    imgpar.convert(
        "a.png", "out", to="webp", manifest="m.json", jobs=1,
        on_event=lambda event: seen.append((event.kind, (here / "m.json").exists())),
    )  # fmt: skip
    assert seen[-1] == ("end", True)
    assert [kind for kind, _ in seen].count("end") == 1


def test_a_stopped_run_keeps_the_manifest_of_the_last_one(here: Path) -> None:
    write_pictures(here / "in", [f"{number}.png" for number in range(20)])
    token = imgpar.CancelToken()
    (here / "m.json").write_text('{"kind": "manifest"}', encoding="ascii")
    report = imgpar.convert(
        "in", "out", to="webp", manifest="m.json", jobs=1, cancel=token,
        on_event=lambda event: token.cancel() if event.outcome else None,
    )  # fmt: skip
    assert report.cancelled
    assert "m.json was not written, because the run was stopped." in report.notes
    assert (here / "m.json").read_text("ascii") == '{"kind": "manifest"}'
