"""Resampling with antialiasing, for every pixel format, without copies where possible.

`cykooz.resizer` has the same kernels as Pillow and is about nine times as fast. Without it, Pillow is used.
Alpha is premultiplied, so that transparent pixels do not bleed.
"""

from __future__ import annotations

import threading
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from imgpar.core.spec import Frame
from imgpar.core.threads import available
from imgpar.pixels.arrays import premultiplied, seal, store_values, unpremultiply

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in source pixels; may be fractional."""

KERNELS = ("lanczos", "bicubic", "bilinear", "box", "nearest")
"""Lanczos has a = 3, bicubic a = -0.5 (Catmull-Rom); nearest takes the pixel at the centre, unfiltered."""
LANCZOS = "lanczos"

_CYKOOZ = {"lanczos": "lanczos3", "bicubic": "catmull_rom"}
"""Names that differ in cykooz.resizer."""

LEAST = 4 << 20
"""Least number of bytes that several threads share: one needs about 2 ms for them."""

_per_thread = threading.local()


def resample(src: Frame, dst: Frame, box: Box | None = None, kernel: str = LANCZOS) -> None:
    """Scale `src` or a box of it to the size of `dst`. float32 values are not clipped.

    Args:
        src: H×W×C.
        dst: of the same layout and depth, filled; its array may be a part of a larger one.
        box: part of `src` in pixels; None is the whole.
        kernel: one of `KERNELS`.
    """
    import numpy as np

    width, height = float(src.spec.width), float(src.spec.height)
    left, top, right, bottom = box or (0.0, 0.0, width, height)
    # Rounding must not exceed the edge.
    box = (max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height))
    if src.spec.size == dst.spec.size and box == (0.0, 0.0, width, height):
        np.copyto(dst.array, src.array)
    elif kernel == "nearest":
        _nearest(src, dst, box)
    elif not fast():
        _with_pillow(src, dst, box, kernel)
    elif src.spec.dtype == "uint8" and src.spec.layout != "LA":
        _mapped(src, dst, box, kernel)
    else:
        _copied(src, dst, box, kernel)
    seal(dst)


@cache
def fast() -> bool:
    """Whether cykooz.resizer is installed; it has no wheels for some platforms."""
    try:
        import cykooz_resizer  # noqa: F401
    except ImportError:
        return False
    return True


def _resizer() -> Any:
    """One resizer per thread: it keeps its buffers, and is not thread-safe."""
    if not hasattr(_per_thread, "resizer"):
        from cykooz_resizer import Resizer

        _per_thread.resizer = Resizer()
    return _per_thread.resizer


def _options(src: Array, box: Box, alpha: bool, kernel: str) -> Any:
    """Options of the resizer for this source, with threads where it is large and the task has them."""
    return _made_options(box, alpha, kernel, available() if src.nbytes >= LEAST else 1)


@lru_cache(maxsize=256)  # pictures of one folder are often alike
def _made_options(box: Box, alpha: bool, kernel: str, threads: int) -> Any:
    from cykooz_resizer import CropBox, FilterType, ResizeAlg, ResizeOptions

    left, top, right, bottom = box
    return ResizeOptions(
        resize_alg=ResizeAlg.convolution(FilterType[_CYKOOZ.get(kernel, kernel)]),
        crop_box=CropBox(left, top, right - left, bottom - top),
        use_alpha=alpha,
        thread_pool=_threads(threads) if threads > 1 else None,
    )


@lru_cache(maxsize=1)
def _threads(count: int) -> Any:
    """Threads of the resizer, which stay: it makes the same bytes with any number of them."""
    from cykooz_resizer import ResizerThreadPool

    return ResizerThreadPool(count)


def scale_pixels(src: Array, dst: Array, box: Box, kernel: str = LANCZOS) -> None:
    """Resample four independent channels of 8 bits: `box` of a contiguous array to the size of another.

    `fast()` must be true.
    """
    _resizer().resize_pil(_window(src, "CMYK"), _window(dst, "CMYK"), _options(src, box, False, kernel))


def _mapped(src: Frame, dst: Frame, box: Box, kernel: str = LANCZOS) -> None:
    """8 bits: Pillow images that share the memory of both arrays, so nothing is copied.

    Pillow maps four-byte pixels but not three-byte ones: RGB is converted to four.
    """
    import numpy as np

    pixels, rgb = src.array, src.spec.layout == "RGB"
    if rgb:
        import cv2  # not for JPEGs, whose pixels have four bytes: it takes 4 MiB in each worker

        pixels = cv2.cvtColor(src.array, cv2.COLOR_RGB2RGBA)
    direct = dst.array.flags.c_contiguous and not rgb
    shape = (dst.spec.height, dst.spec.width, pixels.shape[2])
    target = dst.array if direct else np.empty(shape, np.uint8)
    # CMYK: four channels treated alike. RGBA: premultiplied by alpha.
    alpha = src.spec.alpha and not _opaque(pixels)
    mode = "L" if src.spec.layout == "L" else "RGBA" if alpha else "CMYK"
    options = _options(pixels, box, alpha, kernel)
    _resizer().resize_pil(_window(pixels, mode), _window(target, mode), options)
    if not direct:
        np.copyto(dst.array, target[..., : dst.spec.channels])


def _opaque(pixels: Array) -> bool:
    """Whether alpha is at its peak everywhere: then it need not be multiplied, which takes as long again."""
    import numpy as np

    if pixels[::61, ::61, 3].min() < 255:
        return False
    return bool(np.bitwise_and.reduce(pixels.view("<u4"), axis=None) >> 24 == 255)


def _window(array: Array, mode: str) -> Any:
    """A writable Pillow image that shares the memory of a contiguous array."""
    from PIL import _imaging

    height, width = array.shape[:2]
    # What `frombuffer` does, without a new image for each call to take the mode from: a third of the time.
    return _blank(mode)._new(_imaging.map_buffer(array, (width, height), "raw", 0, (mode, 0, 1)))


@cache
def _blank(mode: str) -> Any:
    import PIL.Image

    return PIL.Image.new(mode, (0, 0))


def _copied(src: Frame, dst: Frame, box: Box, kernel: str = LANCZOS) -> None:
    """Two channels or more than 8 bits: Pillow cannot map these, but the resizer's own buffers can hold
    them."""
    import numpy as np
    from cykooz_resizer import ImageData, PixelType

    base = {"uint8": "U8", "uint16": "U16", "float32": "F32"}[src.spec.dtype]
    kind = PixelType[base if src.spec.channels == 1 else f"{base}x{src.spec.channels}"]
    source = ImageData(*src.spec.size, kind, src.array.tobytes())
    target = ImageData(*dst.spec.size, kind)
    _resizer().resize(source, target, _options(src.array, box, src.spec.alpha, kernel))
    dst.array[...] = np.frombuffer(target.get_buffer(), dst.spec.dtype).reshape(dst.spec.shape)
    if dst.spec.alpha and dst.spec.dtype == "float32":
        np.clip(dst.array[..., -1], 0, 1, out=dst.array[..., -1])


def _nearest(src: Frame, dst: Frame, box: Box) -> None:
    """The pixel under the centre of each result pixel; transparent pixels keep their colours."""
    rows = _centres(box[1], box[3], dst.spec.height, src.spec.height)
    columns = _centres(box[0], box[2], dst.spec.width, src.spec.width)
    for row, source in zip(dst.array, rows, strict=True):
        src.array[source].take(columns, axis=0, out=row, mode="clip")


def _centres(start: float, stop: float, count: int, most: int) -> Array:
    """Indices of the pixels under the centres of `count` equal parts from `start` to `stop`."""
    import numpy as np

    # A centre on the edge of two pixels belongs to the second one: not to be divided before it is multiplied.
    centres = start + (np.arange(count) + 0.5) * (stop - start) / count
    return np.minimum(centres.astype(np.intp), most - 1)


def _with_pillow(src: Frame, dst: Frame, box: Box, kernel: str = LANCZOS) -> None:
    """Without cykooz.resizer: Pillow on whole pictures of 8 bits, else on float channels."""
    import numpy as np
    from PIL import Image

    size, filtered = dst.spec.size, Image.Resampling[kernel.upper()]
    if src.spec.dtype == "uint8":
        mode = "RGBX" if src.spec.layout == "RGBX" else src.spec.layout
        whole = Image.frombuffer(mode, src.spec.size, src.array, "raw", mode, 0, 1)
        dst.array[...] = np.asarray(whole.resize(size, filtered, box=box)).reshape(dst.spec.shape)
        return
    pixels, white = premultiplied(src)
    result = np.empty(dst.spec.shape, np.float32)
    for channel in range(src.spec.channels):
        plane = Image.fromarray(pixels[..., channel].astype(np.float32))
        result[..., channel] = np.asarray(plane.resize(size, filtered, box=box))
    if src.spec.alpha:
        unpremultiply(result, white, dst)
    else:
        store_values(result, dst.array)
