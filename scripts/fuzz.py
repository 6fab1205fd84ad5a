"""Coverage-guided fuzzing of parsers. Requires `pip install atheris`.

    python scripts/fuzz.py header -max_total_time=600      header readers of all picture formats
    python scripts/fuzz.py geometry -runs=1000000          sizes, regions, canvases, lengths, positions
    python scripts/fuzz.py recipe | template | values      recipes in TOML, names of outputs, flags

Arguments after the name are passed to libFuzzer. An exception other than imgpar's own errors ends the run,
and its input is written to a file named crash-….
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["imgpar"]):
    from imgpar import formats
    from imgpar.core import parsing
    from imgpar.core.errors import ImgparError, ItemError, MissingExtraError, UsageError
    from imgpar.core.filenames import candidate
    from imgpar.core.limits import Limits
    from imgpar.formats import codec
    from imgpar.pixels import geometry
    from imgpar.recipe.recipe import Recipe

    for _module in pkgutil.walk_packages(
        formats.__path__, "imgpar.formats."
    ):  # imported here to be instrumented
        importlib.import_module(_module.name)

from mutate_samples import good_files

LIMITS = Limits(max_pixels=1 << 20, max_frames=64, memory=1 << 26)
SUFFIXES = ("jpg", "png", "webp", "gif", "tif", "bmp", "avif", "heic", "tga", "ico", "ppm", "jp2", "hdr",
            "pdf", "svg", "jxl", "exr", "dng")  # fmt: skip


def header(data: bytes) -> None:
    """Fuzz the header readers; the first byte selects the format."""
    if not data:
        return
    try:
        found = codec.read_header(data[1:], f"a.{SUFFIXES[data[0] % len(SUFFIXES)]}", LIMITS)
    except (ItemError, MissingExtraError):
        return
    if found.spec.width * found.spec.height > LIMITS.max_pixels:
        raise AssertionError(found)


def of_text(*parsers: Callable[[str], object]) -> Callable[[bytes], None]:
    """Fuzz the text parsers, which must accept a value or raise an imgpar error."""

    def run(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        for parse in parsers:
            try:
                parse(text)
            except UsageError as error:
                assert str(error)  # noqa: PT017

    return run


def recipe(data: bytes) -> None:
    """Fuzz recipes in TOML."""
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(data)
        file.flush()
        try:
            Recipe.load(file.name)
        except ImgparError as error:
            assert isinstance(error, UsageError)  # noqa: PT017


def template(data: bytes) -> None:
    """Fuzz output names from arbitrary input names; they must stay in their folder."""
    name = data.decode("utf-8", "surrogateescape").replace("/", "").replace("\0", "")
    for level in range(4):
        made = candidate(f"/in/{name}", name, ".jpg", level)
        assert made not in ("", ".", "..")
        assert "/" not in made


TARGETS: dict[str, Callable[[bytes], None]] = {
    "header": header,
    "geometry": of_text(
        geometry.parse_geometry,
        geometry.parse_region,
        geometry.parse_canvas,
        geometry.parse_length,
        geometry.parse_gravity,
    ),
    "values": of_text(
        parsing.file_size,
        parsing.duration,
        parsing.pixels,
        parsing.colour,
        parsing.integer(1, 9),
        parsing.number(0, 1),
    ),
    "recipe": recipe,
    "template": template,
}


def main() -> None:
    """Start the fuzzer; the corpus for headers is one file of each format."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as work:
        corpus = Path(work) / "corpus"
        corpus.mkdir()
        if name == "header":
            (Path(work) / "good").mkdir()
            for suffix, paths in good_files(Path(work) / "good").items():
                for path in paths if suffix in SUFFIXES else ():
                    (corpus / path.name).write_bytes(bytes((SUFFIXES.index(suffix),)) + path.read_bytes())
        atheris.Setup([sys.argv[0], *sys.argv[2:], str(corpus)], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
