"""The limit of the codecs: decode, resize and encode of every file in one process, on memory that is there
already, without reading, writing, checking or noting anything.

    python bench/floor.py FOLDER SIZE QUALITY FORMAT [--linear] [--part 0/2]

Prints the seconds of one core by stage, as JSON. It is what a batch tool with these codecs cannot beat:
`limits.py` starts one for each core, with a part of the files each.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

from imgpar.batch.picture import planar, stages
from imgpar.core.errors import ItemError
from imgpar.core.limits import Limits
from imgpar.formats import codec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import find_format
from imgpar.recipe.tables import make_operation

LIMITS = Limits(max_pixels=1 << 40, memory=1 << 40)
WARM_UP = 3
"""Pictures that are done once before: libraries are loaded, tables made."""


def codec_seconds(
    paths: Sequence[Path], size: int, quality: int, to: str, linear: bool = False
) -> dict[str, float]:
    """Seconds that one core needs for the codec calls of all files, by stage."""
    slot, spent = memoryview(bytearray(1)), dict.fromkeys(("decode", "transform", "encode"), 0.0)
    operations = (make_operation("resize", str(size), linear=linear or None),)
    options = EncodeOptions(quality)
    formats = [find_format(word) for word in to.split(",")]
    for path in paths:
        data = path.read_bytes()
        try:
            header = codec.read_header(data, path.name, LIMITS)
            program = planar.choose_program(
                header, operations, LIMITS, [fmt.name for fmt in formats], options, keep_frames=False
            )
            if len(slot) < program.nbytes:
                slot = memoryview(bytearray(b"\1" * program.nbytes))  # written to: its pages are there
            begun = time.perf_counter()
            frames, _ = stages.decode(program, data, slot, LIMITS)
            decoded = time.perf_counter()
            frames, _ = stages.transform_frames(program, frames, slot)
            transformed = time.perf_counter()
            for fmt in formats:
                stages.encode(frames, program.header, fmt.name, options)
        except ItemError:
            continue
        spent["decode"] += decoded - begun
        spent["transform"] += transformed - decoded
        spent["encode"] += time.perf_counter() - transformed
    return spent


def main() -> None:
    """Prints the seconds."""
    import cv2

    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(description="Seconds of bare codec calls.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("size", type=int)
    parser.add_argument("quality", type=int)
    parser.add_argument("to")
    parser.add_argument("--linear", action="store_true")
    parser.add_argument("--part", default="0/1", help="which files: every N-th")
    given = parser.parse_args()
    part, parts = map(int, given.part.split("/"))
    paths = sorted(path for path in given.folder.rglob("*") if path.is_file())[part::parts]
    work = (given.size, given.quality, given.to, given.linear)
    codec_seconds(paths[:WARM_UP], *work)
    print(json.dumps(codec_seconds(paths, *work)))


if __name__ == "__main__":
    main()
