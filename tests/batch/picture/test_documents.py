"""PDF: fields and ticks of forms, passwords. SVG: text in fonts that are there, letters that are in none."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import LIMITS
from PIL import Image

import imgpar
from imgpar import Pipeline
from imgpar.batch.run_options import RunOptions
from imgpar.cli import main
from imgpar.core import fonts
from imgpar.core.errors import LockedError
from imgpar.core.limits import Limits, Secret
from imgpar.formats.codec import read_header

PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
IDENTITY = b"0123456789abcdef"


def rc4(key: bytes, data: bytes) -> bytes:
    state, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def pdf(objects: dict[int, bytes], trailer: bytes = b"") -> bytes:
    out, places = bytearray(b"%PDF-1.4\n"), {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % places[number] for number in sorted(objects))
    return bytes(
        out + b"trailer<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, trailer, at)
    )


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (more, len(content), content)


def locked(password: str) -> bytes:
    """A black page, encrypted with RC4 of 40 bits (PDF 1.4, algorithms 3.1 to 3.4)."""
    user = (password.encode() + PADDING)[:32]
    owner = rc4(hashlib.md5(user).digest()[:5], user)
    key = hashlib.md5(user + owner + struct.pack("<i", -4) + IDENTITY).digest()[:5]
    own = hashlib.md5(key + struct.pack("<I", 4)[:3] + b"\0\0").digest()[:10]
    content = rc4(own, b"0 0 0 rg 0 0 72 72 re f")
    handler = b"<</Filter/Standard/V 1/R 2/P -4/O<%b>/U<%b>>>" % (
        owner.hex().encode(),
        rc4(key, PADDING).hex().encode(),
    )
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]/Contents 4 0 R>>",
        4: stream(content),
        5: handler,
    }
    identity = IDENTITY.hex().encode()
    return pdf(objects, b"/Encrypt 5 0 R/ID[<%b><%b>]" % (identity, identity))


def form() -> bytes:
    """An empty page with a field and a tick, both of which are only in the form."""
    red = stream(b"1 0 0 rg 0 0 20 20 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 20 20]")
    blue = stream(b"0 0 1 rg 0 0 20 20 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 20 20]")
    widget = b"/Type/Annot/Subtype/Widget/F 4/P 3 0 R"
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R 5 0 R]>>>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]/Annots[4 0 R 5 0 R]>>",
        4: b"<<%b/FT/Tx/T(a)/V(x)/Rect[4 4 24 24]/AP<</N 6 0 R>>>>" % widget,
        5: b"<<%b/FT/Btn/T(b)/V/On/AS/On/Rect[40 4 60 24]/AP<</N<</On 7 0 R>>>>>>" % widget,
        6: red,
        7: blue,
    }
    return pdf(objects)


@pytest.fixture(scope="module")
def locked_pdf() -> bytes:
    pytest.importorskip("pypdfium2")
    return locked("sésame")


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_fields_and_ticks_of_a_form_are_drawn() -> None:
    pytest.importorskip("pypdfium2")
    drawn = pixels(Pipeline().encode(form(), to="png", density=72))
    assert drawn.shape == (72, 72, 3)
    assert (drawn[58, 14, 1:] < 60).all()
    assert (drawn[58, 50, :2] < 60).all()
    assert (drawn[20, 36] > 250).all()


def test_a_locked_document_says_so(locked_pdf: bytes) -> None:
    with pytest.raises(LockedError, match=r"is locked: it needs a password\."):
        read_header(locked_pdf, "a.pdf", LIMITS)


def test_a_wrong_password_is_another_sentence(locked_pdf: bytes) -> None:
    with pytest.raises(LockedError, match="the password is wrong"):
        Pipeline().encode(locked_pdf, to="png", password="sesame")


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_the_password_opens_it(locked_pdf: bytes, tmp_path: Path, schedule: str) -> None:
    (tmp_path / "a.pdf").write_bytes(locked_pdf)
    report = imgpar.convert(
        tmp_path / "a.pdf", tmp_path / "out", to="png", password="sésame", schedule=schedule, density=72
    )
    assert report.ok == 1
    assert pixels((tmp_path / "out" / "a.png").read_bytes())[5:-5, 5:-5].max() < 5


def test_arrays_and_bytes_take_it_too(locked_pdf: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(locked_pdf)
    ((_, array),) = Pipeline().arrays(tmp_path / "a.pdf", password="sésame", copy=True, density=72)
    assert array.max() < 5
    assert pixels(Pipeline().encode(locked_pdf, to="png", password="sésame")).max() < 5


@pytest.mark.parametrize("way", ["flag", "one word", "file", "variable"])
def test_the_command_takes_it_from_everywhere(
    locked_pdf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    (tmp_path / "a.pdf").write_bytes(locked_pdf)
    (tmp_path / "word").write_text("sésame\n", "utf-8")
    if way == "variable":
        monkeypatch.setenv("IMGPAR_PASSWORD", "sésame")
    more = {"flag": ["--password", "sésame"], "one word": ["--password=sésame"], "variable": [],
            "file": ["--password-file", str(tmp_path / "word")]}[way]  # fmt: skip
    given = [str(tmp_path / "a.pdf"), "-o", str(tmp_path / "out"), "--to", "png", *more]
    assert main(["convert", *given]) == 0
    assert main(["info", str(tmp_path / "a.pdf"), *more]) == 0


@pytest.mark.parametrize("way", ["flag", "file", "variable"])
def test_retry_takes_it_from_everywhere(
    locked_pdf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pdf").write_bytes(locked_pdf)
    (tmp_path / "word").write_text("sésame\n", "utf-8")
    assert main(["convert", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--to", "png"]) == 1
    if way == "variable":
        monkeypatch.setenv("IMGPAR_PASSWORD", "sésame")
    more = {"flag": ["--password", "sésame"], "variable": [],
            "file": ["--password-file", str(tmp_path / "word")]}[way]  # fmt: skip
    assert main(["retry", str(tmp_path / "out"), *more]) == 0
    assert (tmp_path / "out" / "a.png").exists()


def test_the_password_is_written_nowhere(
    locked_pdf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pdf").write_bytes(locked_pdf)
    (tmp_path / "in" / "b.pdf").write_bytes(locked_pdf[:300])
    report = str(tmp_path / "report.json")
    for word in (["--password", "sésame"], ["--password=sésame"]):
        main(["convert", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--to", "png", *word,
              "--report", report, "--keep-failures", str(tmp_path / "kept"),
              "--save-recipe", str(tmp_path / "recipe.toml")])  # fmt: skip
    for folder, _, names in os.walk(tmp_path):
        for name in names:
            content = Path(folder, name).read_bytes()
            assert b"sesame" not in content
            assert "sésame".encode() not in content, name
            assert json.dumps("sésame").encode() not in content, name


def test_a_password_does_not_show() -> None:
    assert "sesame" not in repr(RunOptions(password=Secret("sesame")))
    assert "sesame" not in repr(Limits(password=Secret("sesame")))


def drawing(text: str, family: str = "", more: str = "") -> bytes:
    named = f'font-family="{family}"' if family else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="60"><rect width="200" height="60" '
        f'fill="white"/>{more}<text x="5" y="45" font-size="40" {named}>{text}</text></svg>'
    ).encode()


def _needs(letters: str, *, colour: bool = False) -> list[fonts.Font]:
    """Fonts that have letters."""
    found = [font for font in fonts.with_letters(letters) or () if font.colour == colour]
    return found or pytest.skip("no font here has them")


class TestFonts:
    @pytest.fixture(autouse=True)
    def _fonts(self):
        pytest.importorskip("resvg_py")
        if not fonts.families():
            pytest.skip("no font is installed")

    @pytest.mark.parametrize(
        "family", ["", "sans-serif", "serif", "monospace", "cursive", "fantasy", "system-ui", "No Such Font"]
    )
    def test_text_is_drawn_whatever_its_family(self, family: str) -> None:
        drawn = pixels(Pipeline().encode(drawing("Hello", family), name="a.svg", to="png"))
        assert (drawn.max(axis=-1) < 100).sum() > 200

    def test_letters_that_no_font_has_are_named(self) -> None:
        letter = "\U0010fffd"  # for private use: in no font
        header = read_header(drawing(f"a{letter}", "serif"), "a.svg", LIMITS)
        if fonts.with_letters("a") is None:
            pytest.skip("there is no fontconfig to ask")
        assert (header.lost, header.notes) == (("letters",), (f"no installed font has the letters {letter}",))

    def test_letters_that_are_there_are_not_named(self) -> None:
        header = read_header(drawing("Hello"), "a.svg", LIMITS)
        assert (header.lost, header.notes) == ((), ())

    @pytest.mark.parametrize("text", ["{}", "a{}", "写{}", "Ж{} <tspan>b</tspan>", "<tspan>{}</tspan>写b"])
    def test_emoji_have_their_colours(self, text: str) -> None:
        _needs("😀", colour=True)
        drawn = pixels(Pipeline().encode(drawing(text.format("🦀😀")), name="a.svg", to="png"))
        yellow = (drawn[..., 0] > 200) & (drawn[..., 1] > 150) & (drawn[..., 2] < 100)
        assert yellow.sum() > 100

    def test_a_flag_is_drawn_as_one(self) -> None:
        _needs("🇩🇪", colour=True)
        drawn = pixels(Pipeline().encode(drawing("🇩🇪🇩🇪"), name="a.svg", to="png"))
        red = (drawn[..., 0] > 180) & (drawn[..., 1] < 80) & (drawn[..., 2] < 80)
        assert red.sum() > 100

    def test_joined_letters_among_others_are_named_where_no_font_has_all(self) -> None:
        _needs("👍🏽", colour=True)
        header = read_header(drawing("b👍🏽"), "a.svg", LIMITS)
        assert header.lost == ("letters",)
        assert header.notes == (
            "the letters 👍🏽 may be boxes: no installed font has all letters of their text",
        )

    def test_a_text_that_stops_resvg_is_drawn_in_one_font(self) -> None:
        (font, *_) = _needs("👍🏽", colour=True)
        more = f'<tspan font-family="{font.family}">👍🏽</tspan>'
        drawn = pixels(Pipeline().encode(drawing(f"b{more}"), name="a.svg", to="png"))
        assert (drawn.max(axis=-1) < 100).sum() > 50

    def test_thousands_of_letters_are_looked_up_at_once(self) -> None:
        if not fonts.installed():
            pytest.skip("there is no fontconfig to ask")
        asked = []
        fonts.with_letters.cache_clear()
        text = "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fonts, "_run", lambda *command: asked.append(command) or [])
            read_header(drawing(text), "a.svg", LIMITS)
        assert asked == []

    def test_without_any_font_the_text_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fonts, "families", dict)
        header = read_header(drawing("Hello"), "a.svg", LIMITS)
        assert (header.lost, header.notes) == (
            ("text",),
            ("its text was not drawn: no font is installed",),
        )

    def test_a_drawing_without_text_asks_for_no_font(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fonts, "families", dict)
        assert read_header(drawing(""), "a.svg", LIMITS).notes == ()


@pytest.mark.parametrize(
    ("style", "colour"),
    [
        (".a{fill:var(--c,red)}", (255, 0, 0)),
        (":root{--c:#00f} .a{fill:var(--c,red)}", (0, 0, 255)),
        (":root{--c: lime;} .a{fill:var( --c )}", (0, 255, 0)),
        (".a{fill:var(--c, red)} @media (prefers-color-scheme: dark){.a{fill:white}}", (255, 0, 0)),
    ],
)
def test_variables_of_style_sheets_have_their_values(style: str, colour: tuple[int, int, int]) -> None:
    pytest.importorskip("resvg_py")
    more = f'<style>{style}</style><rect class="a" x="10" y="10" width="40" height="40"/>'
    drawn = pixels(Pipeline().encode(drawing("", more=more), name="a.svg", to="png"))
    assert np.abs(drawn[30, 30] - colour).max() <= 1
