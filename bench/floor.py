"""The limit of the codecs: decode, resize and encode of every file in one process, on memory that is there
already, without reading, writing, checking or noting anything.

    python bench/floor.py FOLDER SIZE QUALITY FORMAT     prints the seconds of one core

Divided by the cores it is what a batch tool with these codecs cannot beat.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from imgpar.batch.picture import planar, stages
from imgpar.core.errors import ItemError
from imgpar.core.limits import Limits
from imgpar.formats import codec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import find_format
from imgpar.recipe.tables import make_operation

LIMITS = Limits(max_pixels=1 << 40, memory=1 << 40)


def codec_seconds(folder: Path, size: int, quality: int, to: str) -> float:
    """Seconds that one core needs for the codec calls of all files."""
    import cv2

    cv2.setNumThreads(1)
    slot, spent = memoryview(bytearray(1)), 0.0
    operations, options = (make_operation("resize", str(size)),), EncodeOptions(quality)
    formats = [find_format(word) for word in to.split(",")]
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        try:
            header = codec.read_header(data, path.name, LIMITS)
            program = planar.choose_program(
                header, operations, LIMITS, [fmt.name for fmt in formats], options, keep_frames=False
            )
            if len(slot) < program.nbytes:
                slot = memoryview(bytearray(b"\1" * program.nbytes))  # written to: its pages are there
            start = time.perf_counter()
            frames, _ = stages.decode(program, data, slot, LIMITS)
            frames, _ = stages.transform_frames(program, frames, slot)
            for fmt in formats:
                stages.encode(frames, program.header, fmt.name, options)
        except ItemError:
            continue
        spent += time.perf_counter() - start
    return spent


if __name__ == "__main__":
    codec_seconds(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])  # everything is warm
    print(codec_seconds(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
