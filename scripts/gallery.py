"""Draws a page that shows what every operation does, with the example of its declaration and its command
line.

  python scripts/gallery.py -o DIR [--picture FILE] [--width N]
 DIR/index.html contains its pictures and needs nothing else. Operations are those of the registry: a new one
appears by itself. The script fails if one of them cannot process the picture.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from imgpar import ImgparError, Pipeline  # noqa: E402
from imgpar.cli.flags import flag  # noqa: E402
from imgpar.core.spec import Spec  # noqa: E402
from imgpar.ops import Operation, Option, operation_types  # noqa: E402
from imgpar.recipe.tables import make_operation  # noqa: E402
from imgpar.video.plane_layout import PlaneLayout  # noqa: E402
from imgpar.video.planes import plane_step  # noqa: E402

SAMPLES = ROOT / "sample_media"
PHOTO, SCAN, LOGO = "holiday/day 1/lake at dusk.jpg", "scans/letter.tif", "graphics/aperture.png"
PICTURES = dict.fromkeys(("bilevel", "deskew", "autocrop", "replace_colour"), SCAN)
"""Samples that show an operation better than the photo."""
NOISE, SPECKS = {"denoise": 6.0}, {"median": 0.02}
"""What is added to the sample before: standard deviation of noise in tones, share of specks."""

MORE: dict[str, list[dict[str, str]]] = {
    "auto_contrast": [{"auto_contrast": "1%", "separate": ""}],
    "bilevel": [{"bilevel": "adaptive"}],
    "crop": [{"crop": "1:1", "gravity": "east"}],
    "gamma": [{"gamma": "0.6"}],
    "lut": [{"lut": "film.cube", "strength": "50%"}],
    "levels": [{"levels": "40,160,1.1"}],
    "pad": [{"pad": "1:1", "background": "#f4f4f4"}],
    "replace_colour": [
        {"replace_colour": "black", "replacement": "teal", "tolerance": "20%", "softness": "60%"}
    ],
    "resize": [{"resize": "300x300", "fit": "contain", "background": "#f4f4f4"}],
    "sharpen": [{"sharpen": "2", "threshold": "3"}],
    "tint": [{"tint": "#4070a0", "strength": "50%"}],
    "watermark": [{"watermark": "logo.png", "tile": "", "opacity": "30%"}],
    "white_balance": [{"white_balance": "auto"}],
}
"""Further uses of an operation, beside its example: value and modifiers as on the command line."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1500px; padding: 24px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 0 0 2px; }
p { margin: 0; }
nav { columns: 6 150px; margin: 16px 0 24px; }
nav a { display: block; }
main { display: grid; gap: 20px; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); }
article { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
figure { margin: 0; height: 232px; display: grid; place-items: center; background: var(--soft); }
img { max-width: 100%; max-height: 232px; object-fit: contain; display: block;
  background: repeating-conic-gradient(#c8c8c8 0 25%, #fff 0 50%) 0 0 / 20px 20px; }
div { padding: 10px 12px 12px; }
code { font: 12.5px/1.5 ui-monospace, monospace; background: var(--soft); display: block; padding: 6px 8px;
  border-radius: 5px; margin: 8px 0; overflow-wrap: anywhere; }
span { white-space: nowrap; }
.small { font-size: 12.5px; opacity: .75; }
.failed { color: #c02020; }
"""


@dataclass(frozen=True)
class Shown:
    """One picture of the page."""

    name: str
    command: str
    summary: str
    facts: str
    picture: bytes = b""
    error: str = ""


def main() -> int:
    """Write the page; 1 if an operation failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "-o", "--out", required=True, metavar="DIR", help="folder of index.html; created if missing"
    )
    parser.add_argument("--picture", metavar="FILE", help="picture to process (default: samples)")
    parser.add_argument("--width", type=int, default=660, metavar="N", help="its width before, in pixels")
    args = parser.parse_args()
    picture = os.path.abspath(args.picture) if args.picture else None
    out = Path(args.out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # examples name files in the current folder
        try:
            write_files()
            shown = [original(picture, args.width), *gallery(picture, args.width)]
        finally:
            os.chdir(before)
    (out / "index.html").write_text(page(shown), encoding="utf-8")
    failed = [one for one in shown if one.error]
    for one in failed:
        print(f"{one.name}: {one.error}", file=sys.stderr)
    print(f"{out / 'index.html'}: {len(shown) - 1} pictures of {len(operation_types())} operations")
    return 1 if failed else 0


def write_files() -> None:
    """The files that examples of declarations name, in the current folder."""
    for kind in operation_types().values():
        for option in kind.options().values():
            if option.metavar != "FILE" or not option.example:
                continue
            if option.example.endswith(".cube"):
                Path(option.example).write_text(look(), encoding="ascii")
            elif Path(option.example).suffix in (".png", ".jpg", ".webp"):
                shutil.copyfile(SAMPLES / LOGO, option.example)


def look() -> str:
    """A .cube file: teal shadows, warm lights, more contrast."""
    side = 17
    blue, green, red = np.meshgrid(*[np.linspace(0, 1, side)] * 3, indexing="ij")
    colours = np.stack([red, green, blue], axis=-1)
    luma = colours @ np.array([0.299, 0.587, 0.114])
    curved = colours * colours * (3 - 2 * colours) * 0.6 + colours * 0.4
    cast = np.stack([luma - 0.55, 0.1 * np.ones_like(luma), 0.45 - luma], axis=-1) * 0.22
    rows = np.clip(curved + cast, 0, 1).reshape(-1, 3)
    return f"LUT_3D_SIZE {side}\n" + "".join(f"{r:.5f} {g:.5f} {b:.5f}\n" for r, g, b in rows)


def original(picture: str | None, width: int) -> Shown:
    """What the operations start from."""
    return Shown(
        "original",
        "",
        "The picture before.",
        "",
        Pipeline().encode(source("", picture, width), to="webp", quality=85),
    )


def source(name: str, picture: str | None, width: int) -> bytes:
    """The picture for an operation as PNG, scaled down."""
    data = Path(picture or SAMPLES / PICTURES.get(name, PHOTO)).read_bytes()
    made = Pipeline().resize(f"{width}x").encode(data, to="png", effort=1)
    return spoilt(name, made) if name in NOISE or name in SPECKS else made


def spoilt(name: str, data: bytes) -> bytes:
    """The picture with what the operation removes."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(np.float32)
    chance = np.random.default_rng(1)
    pixels += chance.normal(0, 1, pixels.shape) * NOISE.get(name, 0)
    places = chance.random(pixels.shape[:2])
    share = SPECKS.get(name, 0) / 2
    pixels[places < share], pixels[places > 1 - share] = 0, 255
    made = io.BytesIO()
    Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8)).save(made, "PNG")
    return made.getvalue()


def gallery(picture: str | None, width: int) -> Iterator[Shown]:
    """Every operation with its example, then with further values."""
    for name, kind in operation_types().items():
        data = source(name, picture, width)
        primary = next(iter(kind.options().values()), None)
        for table in ({name: primary.example if primary else ""}, *MORE.get(name, [])):
            yield show(kind, table, data)


def show(kind: type[Operation], table: dict[str, str], data: bytes) -> Shown:
    """One use of an operation on a picture."""
    name = kind.name
    words = [word for key, value in table.items() for word in (flag(key), value) if word]
    command = shlex.join(["imgpar", "convert", "photo.jpg", "-o", "out", *words])
    summary = kind.summary[0].upper() + kind.summary[1:] + "."
    try:
        fields = {key: read(kind.options()[key], value) for key, value in table.items() if key != name}
        operation = make_operation(name, table[name] or None, **fields)
        operation.check()
        made = Pipeline().then(operation).encode(data, to="png", effort=1)
        with Image.open(io.BytesIO(made)) as image:
            facts = f"{image.width} × {image.height}, {image.mode}; clips: {path_of(operation)}"
        return Shown(name, command, summary, facts, Pipeline().encode(made, to="webp", quality=85))
    except (ImgparError, OSError) as error:
        return Shown(name, command, summary, "", error=str(error))


def read(option: Option, value: str) -> object:
    """A switch has no value."""
    return True if option.metavar == "" and not option.choices and not value else value


def path_of(operation: Operation) -> str:
    """How frames of clips are processed; see docs/video.md."""
    spec = Spec(1280, 720)
    if operation.looks:
        return "refused"
    if operation.as_filter(spec) is not None:
        return "ffmpeg filter"
    if operation.as_rgb_filter(spec) is not None:
        return "ffmpeg filter for RGB"
    return "planar YUV" if plane_step(operation, PlaneLayout("yuv420p", *spec.size, "420")) else "RGB frames"


def page(shown: list[Shown]) -> str:
    """The page as HTML."""
    names = [name for name in dict.fromkeys(one.name for one in shown) if name != "original"]
    links = "".join(f'<a href="#{escape(name)}">{escape(flag(name))}</a>' for name in names)
    seen = set[str]()
    articles = []
    for one in shown:
        anchor = "" if one.name in seen else f' id="{escape(one.name)}"'
        seen.add(one.name)
        articles.append(article(one, anchor))
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<title>imgpar: operations</title>\n'
        f"<style>{STYLE}</style>\n<h1>Operations of imgpar</h1>\n"
        "<p>Each operation with the example of its help. Flags are applied in their order.</p>\n"
        f"<nav>{links}</nav>\n<main>\n{''.join(articles)}</main></html>\n"
    )


def article(one: Shown, anchor: str) -> str:
    """One picture with its texts."""
    data = base64.b64encode(one.picture).decode("ascii")
    title = one.name if one.name == "original" else flag(one.name)
    figure = f'<img loading="lazy" alt="{escape(title)}" src="data:image/webp;base64,{data}">' if data else ""
    lines = [f"<h2>{escape(title)}</h2>", f"<p>{escape(one.summary)}</p>"]
    if one.command:
        words = " ".join(f"<span>{escape(shlex.quote(word))}</span>" for word in shlex.split(one.command))
        lines.append(f"<code>{words}</code>")
    lines.append(f'<p class="small">{escape(one.facts)}</p>')
    if one.error:
        lines.append(f'<p class="failed">{escape(one.error)}</p>')
    body = "\n".join(lines)
    return f"<article{anchor}><figure>{figure}</figure><div>{body}</div></article>\n"


if __name__ == "__main__":
    sys.exit(main())
