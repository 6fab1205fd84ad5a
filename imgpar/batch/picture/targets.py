"""Encode a picture so that it has at most a number of bytes, or so that it looks as good as asked for.

max_bytes   highest quality whose file fits; with `shrink` not below quality 50, and then with fewer pixels
target      lowest quality that reaches the score, measured on the decoded file
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from imgpar.batch.picture.quality_search import Experience, Found, Goal, find_quality
from imgpar.batch.picture.scores import Scores, fresh
from imgpar.core.errors import (
    EncodeError,
    setting,
)
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats import codec
from imgpar.formats.base import Encoded
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format
from imgpar.formats.relevance import with_measured
from imgpar.pixels.resampling import resample

HIGHEST = 95
"""Highest quality for --max-bytes: above it files only grow."""
SHRINK_BELOW = 50
"""Quality below which --shrink scales down: artefacts are easy to see there, fewer pixels less so."""
_SMALLEST = 16
"""Longer side in pixels below which nothing is scaled down."""
_FULL = 0.92
"""A file with this part of the allowed bytes is accepted: a step of quality is 2 to 6 % of the bytes."""

_BYTES = (
    -3.91, -3.68, -3.34, -2.92, -2.67, -2.50, -2.36, -2.22, -2.04, -1.94, -1.80, -1.64, -1.39, -0.79, 0.40,
)  # fmt: skip
"""Logarithm of the bytes per pixel of JPEGs, the mean of seven photos."""
_MARGINS = {"ssim": 0.1, "ssimulacra2": 1.5, "psnr": 0.4, "butteraugli": 0.1}
"""Width of the accepted range above a target, on the scale of its curve: it costs about 8 % of the bytes.
1.5 points, 0.4 dB, a tenth of the distance (for SSIM: from 1)."""
_CURVES: dict[str, tuple[float, ...]] = {
    "ssim": (1.01, 1.27, 1.66, 2.13, 2.40, 2.59, 2.75, 2.90, 3.11, 3.23, 3.40, 3.62, 3.96, 4.60, 6.0),
    "ssimulacra2": (-63, -51, -10, 33, 50.4, 59.3, 65.3, 69.1, 74.4, 76.8, 79.6, 82.4, 85.8, 91.9, 96),
    "psnr": (22.5, 25.1, 28.0, 30.6, 32.0, 32.9, 33.6, 34.3, 35.2, 35.8, 36.6, 37.5, 38.9, 43.1, 48),
    "butteraugli": (
        -3.2,
        -2.8,
        -2.4,
        -2.0,
        -1.8,
        -1.65,
        -1.5,
        -1.35,
        -1.15,
        -1.02,
        -0.88,
        -0.7,
        -0.4,
        0.0,
        0.7,
    ),
}
"""Scores of the same JPEGs: −ln(1 − SSIM), SSIMULACRA 2, PSNR in dB, −ln of the distance of butteraugli."""


class Aimed(NamedTuple):
    """An encoded output and how it was found."""

    encoded: Encoded
    spec: Spec
    """Of its frames; smaller than asked for where it was scaled down."""
    tries: int = 0
    """Number of encodes; 0 where nothing was searched for."""
    note: str = ""


def encode_aimed(
    frames: Sequence[Frame],
    fmt: Format,
    metadata: Metadata,
    options: EncodeOptions,
    *,
    source_quality: int = 0,
    experience: Experience | None = None,
) -> Aimed:
    """Encode frames of a storable spec, as `codec.encode`, for the size or score that the settings ask for.

    Args:
        frames: H×W×C arrays, not modified.
        fmt: the format record.
        metadata: of the picture.
        options: settings of the encoder.
        source_quality: of the JPEG that these pixels were decoded from, at this size; 0 is unknown. With
            `max_bytes` no higher quality is used.
        experience: of earlier pictures of the run.

    Raises:
        EncodeError: the goal cannot be met; or the encoder failed.
    """
    adjustable = "quality" in fmt.takes and not options.lossless
    options = with_measured(options, fmt)
    search_for = _Search(frames, fmt, metadata, options, experience or Experience())
    if options.target is not None and adjustable:
        return search_for.score()
    if options.max_bytes is None:
        return Aimed(codec.encode(frames, fmt, metadata, options), frames[0].spec)
    if not adjustable:
        return search_for.size_without_quality()
    highest = HIGHEST if options.quality is None else options.quality
    return search_for.size(min(highest, source_quality or highest))


class _Search:
    """The encodes of one output."""

    def __init__(
        self,
        frames: Sequence[Frame],
        fmt: Format,
        metadata: Metadata,
        options: EncodeOptions,
        experience: Experience,
    ) -> None:
        self._frames, self._fmt, self._metadata, self._options = frames, fmt, metadata, options
        self._experience = experience
        self._made: dict[int, Encoded] = {}
        self._tries = 0

    # ----- score ------------------------------------------------------------------------------------

    def score(self) -> Aimed:
        """Encode with the lowest quality that reaches the target."""
        target = self._options.target
        assert target is not None
        scores, reached = Scores(target.measure, self._frames, self._metadata), dict[int, float]()

        def value_of(wanted: int) -> float:
            reached[wanted] = scores.of(memoryview(self._with_quality(wanted).data), self._fmt)
            return _scaled(target.measure, reached[wanted])

        low = _scaled(target.measure, target.value)
        goal = Goal(_CURVES[target.measure], low, low + _MARGINS[target.measure], most=False)
        found = self._run(goal, value_of, 1, 100, target.measure)
        if not found.quality:
            best = max(reached)
            raise EncodeError(
                f"{target} cannot be reached: quality {best} gives {reached[best]:.4g}.",
                fix="Choose another target, or a lossless format.",
            )
        note = f"quality {found.quality}: {target.measure} {reached[found.quality]:.4g}, {self._in_tries()}"
        return Aimed(self._made[found.quality], self._frames[0].spec, self._tries, note)

    # ----- size -------------------------------------------------------------------------------------

    def size(self, highest: int) -> Aimed:
        """Encode with the highest quality that fits; with `shrink`, scaled down where that is too low."""
        least = min(SHRINK_BELOW if self._options.shrink else 1, highest)
        found = self._fitting(least, highest)
        while not found.quality and self._options.shrink and self._scale_down(len(self._made[least].data)):
            found = self._fitting(least, highest)
        if not found.quality:
            settings = replace(self._options, quality=least)
            raise self._too_large(f"at quality {least}", self._made[least], settings)
        encoded = self._made[found.quality]
        note = (
            f"quality {found.quality}: {len(encoded.data):,} bytes, {self._in_tries()}{self._scaled_note()}"
        )
        return Aimed(encoded, self._frames[0].spec, self._tries, note)

    def size_without_quality(self) -> Aimed:
        """Encode in a format without a quality: it fits, or is scaled down with `shrink`."""
        most, first = self._most, self._frames[0].spec
        encoded = self._encoded(self._options)
        while len(encoded.data) > most:
            if not (self._options.shrink and self._scale_down(len(encoded.data))):
                how = f"as {self._fmt.title}, which has no quality to lower,"
                raise self._too_large(how, encoded, self._options)
            encoded = self._encoded(self._options)
        if self._frames[0].spec == first:
            return Aimed(encoded, first)
        note = f"{len(encoded.data):,} bytes, {self._in_tries()}{self._scaled_note()}"
        return Aimed(encoded, self._frames[0].spec, self._tries, note)

    def _fitting(self, least: int, highest: int) -> Found:
        """The highest quality of these frames that fits."""
        pixels = sum(math.prod(frame.spec.size) for frame in self._frames)
        extra = 0 if self._options.strip == "all" else self._metadata.nbytes

        def per_pixel(nbytes: float) -> float:
            return math.log(max(nbytes - extra, 1) / pixels)

        goal = Goal(_BYTES, per_pixel(self._most * _FULL), per_pixel(self._most), most=True)

        def value_of(wanted: int) -> float:
            nbytes = len(self._with_quality(wanted).data)
            # The metadata are only estimated: what decides are the bytes of the file.
            return min(per_pixel(nbytes), goal.high) if nbytes <= self._most else max(
                per_pixel(nbytes), math.nextafter(goal.high, math.inf)
            )  # fmt: skip

        self._made.clear()
        found = self._run(goal, value_of, least, highest, "bytes")
        if not found.quality and least not in self._made:
            self._with_quality(least)
        return found

    def _scale_down(self, nbytes: int) -> bool:
        """Scale down so that files of `nbytes` would fit; False where the frames are too small already."""
        factor = min(math.sqrt(self._most / nbytes) * 0.97, 0.95)
        if max(self._frames[0].spec.size) * factor < _SMALLEST:
            return False
        self._frames = [_scaled_frame(frame, factor) for frame in self._frames]
        return True

    def _too_large(self, how: str, encoded: Encoded, options: EncodeOptions) -> EncodeError:
        """What would make it fit: without its metadata, scaled down, or both."""
        has = bare = len(encoded.data)
        if options.strip != "all" and self._metadata.nbytes:
            bare = len(self._encoded(replace(options, strip="all")).data)
        words = f"{self._most:,} bytes cannot be met: {how} it has {has:,}"
        if bare <= self._most < has:
            fix = f"Remove them with {setting('strip', 'all')}, or allow more with {setting('max_bytes')}."
            return EncodeError(f"{words}, of which its metadata are {has - bare:,}.", fix=fix)
        if has - bare >= self._most and not options.shrink:
            fix = (
                f"Remove them with {setting('strip', 'all')} and scale it down with "
                f"{setting('shrink', True)}, or raise {setting('max_bytes')}."
            )
            return EncodeError(f"{words}, of which its metadata are {has - bare:,}.", fix=fix)
        fix = (
            f"Allow more with {setting('max_bytes')}"
            if options.shrink
            else f"Scale it down with {setting('shrink', True)}"
        )
        return EncodeError(f"{words}.", fix=f"{fix}, or choose another format with {setting('to')}.")

    # ----- both -------------------------------------------------------------------------------------

    @property
    def _most(self) -> int:
        assert self._options.max_bytes is not None
        return self._options.max_bytes

    def _run(self, goal: Goal, value_of: Callable[[int], float], least: int, most: int, what: str) -> Found:
        options = self._options
        key = (self._fmt.name, what, options.subsampling, options.effort, options.progressive)
        return find_quality(goal, value_of, least, most, self._experience, key)

    def _with_quality(self, wanted: int) -> Encoded:
        encoded = self._made[wanted] = self._encoded(replace(self._options, quality=wanted))
        return encoded

    def _encoded(self, options: EncodeOptions) -> Encoded:
        self._tries += 1
        return codec.encode(self._frames, self._fmt, self._metadata, options)

    def _in_tries(self) -> str:
        return "1 try" if self._tries == 1 else f"{self._tries} tries"

    def _scaled_note(self) -> str:
        if not self._options.shrink:
            return ""
        width, height = self._frames[0].spec.size
        return f", {width}×{height}"


def _scaled_frame(frame: Frame, factor: float) -> Frame:
    size = (max(1, round(side * factor)) for side in frame.spec.size)
    smaller = fresh(frame.spec.resized(*size))
    resample(frame, smaller)
    return smaller


def _scaled(measure: str, score: float) -> float:
    """A score on the scale of its curve, which rises with the quality about evenly."""
    if measure == "ssim":
        return -math.log(max(1 - score, 1e-6))
    if measure == "butteraugli":
        return -math.log(max(score, 1e-6))
    return min(score, 1000.0)
