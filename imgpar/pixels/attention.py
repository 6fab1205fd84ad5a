"""Where a picture is worth keeping: the window with most attention or most entropy, or with its faces.

Attention adds sharp detail, colours that differ from those of the whole picture, and the colour of skin, and
prefers them in the middle of the window. Entropy is that of the histogram of luma in the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imgpar.core.error_messages import bad_value
from imgpar.core.errors import BadValueError
from imgpar.core.parsing import VALUE, accepts, literal
from imgpar.core.spec import Frame
from imgpar.pixels.arrays import LUMA, PEAK, colour_channels
from imgpar.pixels.geometry import GRAVITIES, GRAVITY_WORDS, parse_gravity

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

CONTENT = ("attention", "entropy", "faces")
FOCUSES = (*GRAVITIES, *CONTENT)

_LONGEST = 160
"""Longest edge in pixels at which pictures are rated."""
_MOST_FRAMES = 16
"""Of an animation, so many frames decide, evenly spaced."""
_HEAD = 0.35
"""Share of a face that is added on each side, for hair and ears."""
_BINS = 32
"""Grey levels that entropy distinguishes."""
_SKIN = (0.78, 0.57, 0.44)
"""Direction of skin colours of every brightness: red, green, blue, of length one."""
_SKIN_COSINE = 0.985
"""Least cosine of the angle to that direction."""
_WEIGHTS = (1.0, 0.8, 0.3)
"""Of detail, distinct colours and skin."""
_EDGE_OF_WINDOW = 0.4
"""Weight of the edge of the window, relative to its middle."""


@accepts(literal((*GRAVITY_WORDS, *CONTENT)))
def parse_focus(value: object) -> str:
    """A gravity, or attention, entropy or faces.

    >>> parse_focus("Attention"), parse_focus("top")
    ('attention', 'north')
    """
    word = value.lower() if isinstance(value, str) else ""
    word = "faces" if word == "face" else word
    if word in CONTENT:
        return word
    try:
        return parse_gravity(value)
    except BadValueError:
        wanted = f"one of {', '.join(FOCUSES)} (or top, bottom left and so on)"
        raise bad_value(VALUE, wanted, value, [*FOCUSES, "top", "bottom", "left", "right"]) from None


def find_focus(
    kind: str, frames: Sequence[Frame], window: tuple[int, int]
) -> tuple[str, tuple[float, float]]:
    """The best position of a window, as fractions of the room it has: 0 is left or top, 1 right or bottom.

    Args:
        kind: one of `CONTENT`.
        frames: H×W×C of any layout and depth, all of one size; they are not modified.
        window: width and height in pixels, at most those of the frames.

    Returns:
        What has decided (attention, where there are no faces), and the position, the same for all frames.
        Where all positions are equally good, the middle.

    Raises:
        MissingExtraError: the detector of faces is not installed.
    """
    if window == frames[0].spec.size:
        return kind, (0.5, 0.5)
    chosen = frames[:: -(-len(frames) // _MOST_FRAMES)]
    if kind == "faces":
        if at := _on_faces(chosen, window):
            return kind, at
        kind = "attention"
    return kind, _rated_best(kind, chosen, window)


def missed_faces(wanted: str, decided: str, name: str) -> str:
    """The note that there was no face to choose by; empty where nothing else has decided."""
    return "" if decided == wanted else f"{name} found no face, so {decided} has chosen the part"


def _on_faces(frames: Sequence[Frame], window: tuple[int, int]) -> tuple[float, float] | None:
    """The position of the window that shows the faces, with what belongs to a head; None without faces."""
    from imgpar.pixels.faces import best_window, find_faces  # few pictures are cropped to faces
    from imgpar.pixels.regions import Box, grown

    size = frames[0].spec.size
    heads = list[Box]()
    for frame in frames:
        for box in find_faces(frame):
            by = round((box[2] - box[0]) * _HEAD), round((box[3] - box[1]) * _HEAD)
            heads.append(grown(box, by, size))
    return best_window(heads, size, window) if heads else None


def _rated_best(kind: str, frames: Sequence[Frame], window: tuple[int, int]) -> tuple[float, float]:
    """The position of the window with most attention or entropy."""
    import numpy as np

    width, height = frames[0].spec.size
    scale = min(1.0, _LONGEST / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    inner = tuple(
        min(most, max(1, round(side * scale))) if side < whole else most
        for side, whole, most in zip(window, (width, height), size, strict=True)
    )
    rate = _attention if kind == "attention" else _entropy
    rated = [rate(_small(frame, size), inner[0], inner[1]) for frame in frames]
    scores = np.sum(rated, axis=0)
    down, across = np.indices(scores.shape)
    rows, columns = scores.shape
    off = np.hypot(across - (columns - 1) / 2, down - (rows - 1) / 2) / max(rows, columns)
    span = float(np.ptp(scores))
    if span < 1e-6:
        return (0.5, 0.5)
    best = int(np.argmax(scores - off * span * 0.02))
    row, column = divmod(best, columns)
    return (column / (columns - 1) if columns > 1 else 0.5, row / (rows - 1) if rows > 1 else 0.5)


def _small(frame: Frame, size: tuple[int, int]) -> Array:
    """The frame as small float RGB or grey from 0 to 1, on black where it is transparent."""
    import cv2
    import numpy as np

    small = cv2.resize(frame.array, size, interpolation=cv2.INTER_AREA)
    small = small.reshape(size[1], size[0], -1).astype(np.float32) / PEAK[frame.spec.dtype]
    count = colour_channels(frame.spec)
    colours = small[..., :count] * small[..., -1:] if frame.spec.alpha else small[..., :count]
    return colours.clip(0, 1)


def _luma(pixels: Array) -> Array:
    import numpy as np

    return pixels[..., 0] if pixels.shape[2] == 1 else pixels @ np.array(LUMA, np.float32)


def _attention(pixels: Array, width: int, height: int) -> Array:
    """The score of every position of the window, as rows × columns of top left corners."""
    import cv2
    import numpy as np

    luma = np.ascontiguousarray(_luma(pixels))
    detail = np.hypot(cv2.Sobel(luma, -1, 1, 0), cv2.Sobel(luma, -1, 0, 1)).clip(0, 1)
    score = _WEIGHTS[0] * _relative(cv2.GaussianBlur(detail, (0, 0), 2))
    colours = np.dstack([luma, *_chroma(pixels)]) if pixels.shape[2] == 3 else luma[..., None]
    soft = cv2.GaussianBlur(colours, (0, 0), 1).reshape(colours.shape)
    score += _WEIGHTS[1] * _relative(np.linalg.norm(soft - colours.mean((0, 1)), axis=2))
    if pixels.shape[2] == 3:
        score += _WEIGHTS[2] * _skin(pixels, luma)
    score **= 2
    across, down = _weights(width), _weights(height)
    sums = cv2.sepFilter2D(
        score.astype(np.float32), cv2.CV_32F, across, down, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT
    )
    return sums[: score.shape[0] - height + 1, : score.shape[1] - width + 1]


def _relative(values: Array) -> Array:
    """Values from 0 to 1, relative to the largest ones."""
    import numpy as np

    made: Array = (values / max(float(np.quantile(values, 0.99)), 1e-3)).clip(0, 1)
    return made


def _chroma(pixels: Array) -> tuple[Array, Array]:
    """Red against green, and yellow against blue."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    return red - green, (red + green) / 2 - blue


def _skin(pixels: Array, luma: Array) -> Array:
    """How much each pixel has the colour of skin, 0 to 1."""
    import numpy as np

    length = np.linalg.norm(pixels, axis=2)
    cosine = pixels @ np.array(_SKIN, np.float32) / np.maximum(length, 1e-6)
    lit = (luma > 0.2) & (luma < 0.95)
    made: Array = ((cosine - _SKIN_COSINE) / (1 - _SKIN_COSINE)).clip(0, 1) * lit
    return made


def _weights(length: int) -> Array:
    """Weights along one side of the window: one in the middle, less at its ends."""
    import numpy as np

    place = (np.arange(length) + 0.5) / length * 2 - 1
    return (1 - (1 - _EDGE_OF_WINDOW) * place**2).astype(np.float32)


def _entropy(pixels: Array, width: int, height: int) -> Array:
    """The entropy in bits of luma in every position of the window, as rows × columns of top left corners."""
    import numpy as np

    levels = (_luma(pixels) * (_BINS - 1) + 0.5).astype(np.intp)
    shape = levels.shape[0] - height + 1, levels.shape[1] - width + 1
    result = np.zeros(shape, np.float32)
    for level in range(_BINS):
        total = np.zeros((levels.shape[0] + 1, levels.shape[1] + 1), np.float32)
        total[1:, 1:] = (levels == level).cumsum(0).cumsum(1)
        rows = total[height:] - total[:-height]
        share = (rows[:, width:] - rows[:, :-width]) / (width * height)
        result -= share * np.log2(np.maximum(share, 1e-9))
    return result
