"""Scales planar frames with ffmpeg's scaler: the filter of the native path, so that both give the same
picture.

It handles the position of chroma samples and every depth, and is faster than plane by plane.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from imgpar.video.plane_layout import PlaneLayout

Array = np.ndarray[Any, Any]

_STEP = 64
"""Samples that the scaler processes at once: it misreads rows of other lengths without padding."""
_UNSAID = 2
_FILTER = re.compile(r"scale=(\d+):(\d+):flags=(\w+)(?:,crop=\d+:\d+:(\d+):(\d+))?")

_PYAV = {"neighbor": "POINT"}
"""Kernels of the scale filter that PyAV names otherwise."""


class Scaler:
    """Scaling from one layout to another of the same pixel format; keeps its tables between frames.

    Args:
        source, target: layouts, which differ in size only.
        written: the same as an ffmpeg filter: size, and crop.
    """

    def __init__(self, source: PlaneLayout, target: PlaneLayout, written: str) -> None:
        from av.video.reformatter import VideoReformatter

        found = _FILTER.fullmatch(written)
        assert found is not None
        width, height, kernel, left, top = found.groups()
        self._width, self._height, self._left, self._top = (int(n or 0) for n in (width, height, left, top))
        self._kernel = _PYAV.get(kernel, kernel.upper())
        self._source, self._target, self._written = source, target, written
        self._reformatter = VideoReformatter()
        self._frame: Any = None
        self._graph: Any = None

    def scaled(self, frame: Any) -> list[Array] | None:
        """Scale a decoded frame in place; valid until the next call. None where the frame does not match."""
        layout = self._source
        if frame.format.name != layout.pixel_format or (frame.width, frame.height) != layout.size:
            return None
        if self._graph is None:
            self._graph = _graph(frame, self._written)
        # Its colour properties would be converted to those of the graph, which are unspecified.
        frame.color_range, frame.colorspace = 0, _UNSAID
        frame.color_primaries = frame.color_trc = _UNSAID
        self._graph.push(frame)
        self._made = self._graph.pull()
        planes = zip(self._made.planes, self._target.shapes, strict=True)
        return [samples(plane, self._target.dtype)[:rows, :columns] for plane, (rows, columns) in planes]

    def __call__(self, planes: Sequence[Array], targets: Sequence[Array]) -> None:
        """Scale `planes` into `targets`."""
        scaled = self._reformatter.reformat(
            self._wrapped(planes),
            width=self._width,
            height=self._height,
            interpolation=self._kernel,
            threads=1,
        )
        across, down = self._source.steps(1)
        left, top = self._left // across, self._top // down  # like ffmpeg, cropped at whole chroma samples
        for number, target in enumerate(targets):
            rows, columns = target.shape
            made = samples(scaled.planes[number], target.dtype)
            here = self._source.steps(number)
            x, y = left * across // here[0], top * down // here[1]
            np.copyto(target, made[y : y + rows, x : x + columns])

    def _wrapped(self, planes: Sequence[Array]) -> Any:
        """The planes as a PyAV frame: a view where possible, else a copy."""
        import av

        layout = self._source
        # PyAV computes a wrong offset of the last plane if the height is not a multiple of 4.
        whole_steps = not (layout.width % _STEP or layout.height % 4)
        if layout.pixel_format == "yuv420p" and whole_steps and _contiguous(planes):
            shape = (layout.height * 3 // 2, layout.width)
            whole = np.lib.stride_tricks.as_strided(planes[0], shape)
            return av.VideoFrame.from_numpy_buffer(whole, layout.pixel_format)
        if self._frame is None:
            self._frame = av.VideoFrame(layout.width, layout.height, layout.pixel_format)
        for plane, source in zip(self._frame.planes, planes, strict=True):
            np.copyto(samples(plane, source.dtype)[: source.shape[0], : source.shape[1]], source)
        return self._frame


def _graph(frame: Any, written: str) -> Any:
    """Filter graph for frames like this one."""
    from av.filter import Graph

    graph = Graph()
    graph.threads = 1
    base = frame.time_base or Fraction(1, 1000)
    last = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)
    for step in written.split(","):
        name, _, options = step.partition("=")
        last.link_to(here := graph.add(name, options))
        last = here
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def samples(plane: Any, dtype: Any) -> Array:
    """A PyAV plane as an array, including the padding of its rows."""
    flat = np.frombuffer(plane, dtype)
    row = plane.line_size // flat.itemsize
    return flat[: row * plane.height].reshape(plane.height, row)


def _contiguous(planes: Sequence[Array]) -> bool:
    """Whether the planes are contiguous."""
    ends = [plane.ctypes.data + plane.nbytes for plane in planes]
    begins = [plane.ctypes.data for plane in planes[1:]]
    return all(plane.flags.c_contiguous for plane in planes) and ends[:-1] == begins
