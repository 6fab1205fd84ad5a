"""Scores of encoded pictures against the frames that they were encoded from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from imgpar.core.errors import EncodeError, MissingExtraError
from imgpar.core.limits import Limits
from imgpar.core.spec import Colour, Frame, Metadata, Spec
from imgpar.core.tempfiles import temporary
from imgpar.formats import codec
from imgpar.formats.option_values import BUTTERAUGLI, FIX, MISSING
from imgpar.formats.output_profile import srgb_frame
from imgpar.formats.registry import Format
from imgpar.pixels import layouts, metrics

Array = np.ndarray[Any, Any]
_FRAMES = 3
"""Frames of an animation that are measured."""
_BACKGROUNDS: tuple[Colour, ...] = ((25, 25, 25, 255), (230, 230, 230, 255))
"""Pictures with alpha are measured on both, and the worse score counts."""
_NUMBER = re.compile(r"^\s*(\d+(?:\.\d+)?)", re.MULTILINE)


class Scores:
    """Measures encoded outputs. Large pictures are measured on tiles, animations on three frames.

    Args:
        measure: "ssim", "ssimulacra2", "psnr" or "butteraugli".
        frames: H×W×C, of any layout but planes; they must not be modified as long as this is used.
        metadata: with their colour profile.

    Raises:
        MissingExtraError: the program for butteraugli is not installed.
    """

    def __init__(self, measure: str, frames: Sequence[Frame], metadata: Metadata) -> None:
        if measure == "butteraugli" and shutil.which(BUTTERAUGLI) is None:
            raise MissingExtraError(MISSING, fix=FIX)
        self._lower_is_better = measure == "butteraugli"
        last, steps = len(frames) - 1, max(1, min(len(frames), _FRAMES) - 1)
        self._numbers = sorted({round(last * step / steps) for step in range(steps + 1)})
        self._dtype = "uint16" if frames[0].spec.dtype != "uint8" else "uint8"
        self._backgrounds = _BACKGROUNDS if frames[0].spec.alpha else _BACKGROUNDS[:1]
        self._references = [
            [_scorer(measure, array) for array in self._arrays(frames[number], metadata)]
            for number in self._numbers
        ]

    def of(self, data: bytes | memoryview, fmt: Format) -> float:
        """The score of a file: of an animation, the mean of its frames.

        Raises:
            EncodeError: the file has another number of frames.
            ItemError: it cannot be decoded.
        """
        limits = Limits(max_pixels=1 << 62, max_frames=1 << 30, memory=1 << 62)
        header = codec.read_header(data, f"output.{fmt.suffix}", limits)
        made = [fresh(header.spec) for _ in range(header.frames)]
        codec.decode(data, header, made)
        if len(made) <= self._numbers[-1]:
            raise EncodeError(f"The {fmt.title} encoder wrote {len(made)} frames; they cannot be compared.")
        worst = max if self._lower_is_better else min
        found = [
            worst(score(array) for score, array in zip(scorers, arrays, strict=True))
            for number, scorers in zip(self._numbers, self._references, strict=True)
            if (arrays := self._arrays(made[number], header.metadata))
        ]
        return sum(found) / len(found)

    def _arrays(self, frame: Frame, metadata: Metadata) -> list[Array]:
        """What is measured of a frame, in sRGB on each background: H×W×3."""
        array = metrics.sample(frame.array)
        part = Frame(frame.spec.resized(array.shape[1], array.shape[0]), np.ascontiguousarray(array))
        part = srgb_frame(part, metadata)[0]
        flat = [fresh(part.spec.converted("RGB", self._dtype)) for _ in self._backgrounds]
        for made, background in zip(flat, self._backgrounds, strict=True):
            layouts.convert_layout(part, made, background)
        return [made.array for made in flat]


def fresh(spec: Spec) -> Frame:
    """An uninitialized frame in private memory."""
    return Frame(spec, np.empty(spec.shape, spec.dtype))


def _scorer(measure: str, array: Array) -> Callable[[Array], float]:
    if measure == "butteraugli":
        return lambda other: butteraugli(array, other)
    return metrics.Reference(cast("metrics.Measure", measure), array).score


def butteraugli(original: Array, other: Array) -> float:
    """The distance (maximum norm) that libjxl's program measures: 1 is just noticeable.

    Args:
        original: H×W×3 sRGB, uint8 or uint16; not modified.
        other: of the same shape and type; not modified.

    Raises:
        EncodeError: the program is missing or failed.
    """
    import cv2

    with temporary() as folder:
        paths = [os.path.join(folder, name) for name in ("original.png", "other.png")]
        for path, array in zip(paths, (original, other), strict=True):
            written, data = cv2.imencode(".png", array[..., ::-1], (cv2.IMWRITE_PNG_COMPRESSION, 1))
            assert written
            with open(path, "wb") as file:
                file.write(data.tobytes())
        try:
            done = subprocess.run(
                [BUTTERAUGLI, *paths], capture_output=True, text=True, timeout=300, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EncodeError(f"{BUTTERAUGLI} failed: {type(error).__name__}.", fix=FIX) from None
    found = _NUMBER.search(done.stdout)
    if done.returncode or not found:
        raise EncodeError(f"{BUTTERAUGLI} failed with exit code {done.returncode}.", fix=FIX)
    return float(found[1])
