"""The operations on each frame of a clip: on Y′CbCr planes as far as operations support them, then in RGB.

slot ─► rotate upright ─► plane steps ─► [RGB ─► steps ─►] ─► pixel format of the encoder ─► slot
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgpar.batch.picture import programs, stages
from imgpar.core.errors import TransformError
from imgpar.core.item_fields import as_texts, from_texts
from imgpar.core.job import ItemFacts
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Layout, Spec
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation
from imgpar.ops.base import for_item
from imgpar.pixels import layouts
from imgpar.video.clip import Clip, Picture
from imgpar.video.encoders import Encoding, written
from imgpar.video.plane_layout import PlaneLayout, copy_planes, load, lowered, raised
from imgpar.video.planes import Array, PlaneStep, plane_step, turn_step
from imgpar.video.reader import layout_of
from imgpar.video.rgb_to_yuv import Mixer
from imgpar.video.scaling import Scaler
from imgpar.video.tags import clip_values, is_stripped

_MATRICES = {"bt709": 1, "fcc": 4, "smpte240m": 7, "bt2020nc": 9, "bt2020c": 9}
_BT601 = 5
"""The BT.601 matrix, used where the clip specifies none."""
_LIMITED, _FULL = 1, 2


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """Facts of a clip that a helper needs besides the operations of the run; the same for all frames."""

    picture: Picture
    encoding: Encoding | None
    """None where frames become arrays instead of a clip."""
    background: tuple[int, int, int, int] = (255, 255, 255, 255)
    branch: int = 0
    """The output of the recipe whose operations are applied."""
    details: tuple[tuple[str, str], ...] = ()
    """What the tags of the clip say, if an operation asks for it."""


def clip_facts(clip: Clip, frames: int) -> ItemFacts:
    """Facts of a clip for operations that keep a state; `frames` is the number of frames that follow."""
    width, height = clip.picture.upright
    return ItemFacts(clip.name or clip.path, "video", (width, height), frames)


def clip_details(
    clip: Clip, operations: Sequence[Operation], encode: EncodeOptions
) -> tuple[tuple[str, str], ...]:
    """What the tags of its output say, as plain data, if an operation asks for it."""
    if not any(operation.asks for operation in operations):
        return ()
    tags = {key: value for key, value in clip.metadata.items() if not is_stripped(key, encode.strip)}
    values = clip_values(tags, clip.name or clip.path)
    return as_texts(encode.edits.applied(values, clip=True) if encode.edits else values)


def operations_for_clip(
    operations: tuple[Operation, ...], facts: ItemFacts, details: tuple[tuple[str, str], ...]
) -> tuple[tuple[Operation, ...], tuple[str, ...]]:
    """The operations for one clip, and remarks on it."""
    return for_item(operations, lambda: facts._replace(details=from_texts(details)))


class FrameProgram:
    """Transforms frames. Compiled once per clip and worker; scratch memory is reused for every frame.

    Args:
        facts: of the clip and its encoder.
        operations: the effective ones, from `ClipPlan.operations`.
        limits: of the run.
    """

    def __init__(self, facts: FrameFacts, operations: Sequence[Operation], limits: Limits) -> None:
        picture = facts.picture
        self.layout = layout_of(picture)
        self._steps, rest, orientation = _plane_steps(picture, operations, self.layout)
        self._planes_layout = self._steps[-1].layout if self._steps else self.layout
        self._input_planes: list[Array] | None = None
        self._scratch = [_memory(step.layout) for step in self._steps]
        self._rgb_operations = tuple(rest)
        needs_rgb = rest or facts.encoding is None
        self._rgb = _RgbSteps(picture, self._planes_layout, rest, orientation, limits) if needs_rgb else None
        self._last = LastStep(picture, facts.encoding, facts.background) if facts.encoding else None

    def begin(self, item: ItemFacts) -> None:
        """Call `begin` of the operations, before the first frame of a clip."""
        for operation in self._rgb_operations:
            operation.begin(item)

    @property
    def in_order(self) -> bool:
        """Whether this program has to process all frames, in order."""
        return self.together or any(operation.in_order for operation in self._rgb_operations)

    @property
    def together(self) -> bool:
        """Whether an operation works on several frames at once: `run_all` and `rgb_frames` do that."""
        return any(operation.together for operation in self._rgb_operations)

    @property
    def made_size(self) -> tuple[int, int]:
        """Width and height that a function gave the last frame, before the encoder cropped it."""
        assert self._last is not None
        return self._last.size

    @property
    def path(self) -> str:
        """The pixel formats in which operations run, for notes."""
        if not self._rgb:
            return f"frames as {self.layout.pixel_format} planes"
        names = ", ".join(operation.name for operation in self._rgb_operations)
        return f"frames as planes, then as RGB for {names}"

    def run_on(self, frame: Any) -> tuple[PlaneLayout, list[Array]]:
        """`run` on a frame of the decoder."""
        return self._finished(self._from_decoder(frame))

    def _from_decoder(self, frame: Any) -> list[Array]:
        """A frame of the decoder after the plane steps; without a copy where the first can read it."""
        first = self._steps[0].work if self._steps else None
        planes = first.scaled(frame) if isinstance(first, Scaler) else None
        if planes is not None:
            return self._on_planes(planes, 1)
        if self._input_planes is None:
            self._input_planes = _memory(self.layout)
        load(frame, self._input_planes)
        return self._on_planes(self._input_planes)

    def run(self, planes: list[Array]) -> tuple[PlaneLayout, list[Array]]:
        """Transform one frame, given as planes of `layout`. The result is valid until the next call."""
        return self._finished(self._on_planes(planes))

    def run_all(self, frames: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, PlaneLayout, list[Array]]]:
        """Transform all frames of the decoder, given with their timestamps, for the encoder. Each result is
        valid until the next one is requested."""
        assert self._last is not None
        for stamp, frame in self.rgb_frames(frames):
            yield stamp, *self._last.from_frame(frame)

    def rgb_frames(self, frames: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Frame]]:
        """Transform all frames of the decoder, given with their timestamps, to RGB or RGBA. Each result is
        valid until the next one is requested; as many frames are read ahead as operations ask for."""
        assert self._rgb is not None
        stamps = deque[int]()

        def loaded() -> Iterator[list[Array]]:
            for stamp, frame in frames:
                stamps.append(stamp)
                yield self._from_decoder(frame)

        for frame in self._rgb.run_all(loaded()):
            yield stamps.popleft(), frame

    def _finished(self, planes: list[Array]) -> tuple[PlaneLayout, list[Array]]:
        assert self._last is not None
        if self._rgb is None:
            return self._last.from_planes(self._planes_layout, planes)
        return self._last.from_frame(self._rgb.run(planes))

    @property
    def only_converts(self) -> bool:
        """Whether frames are only converted to RGB: `converted` does it without a copy."""
        return self._rgb is not None and not self._steps and self._rgb.only_converts

    def converted(self, frame: Any, threads: int) -> Array:
        """A frame of the decoder as H×W×C, a view of memory that nothing else refers to. Its rows may be
        padded.

        Args:
            frame: from the reader.
            threads: of the conversion; 0 is automatic.
        """
        assert self._rgb is not None
        return self._rgb.converted(frame, threads)

    def rgb_of(self, frame: Any) -> Frame:
        """Transform a frame of the decoder to RGB or RGBA, without an encoder. Valid until the next call.

        Raises TransformError where an operation needs the neighbours of the frame.
        """
        assert self._rgb is not None
        if any(operation.together and operation.batch == 1 for operation in self._rgb_operations):
            raise TransformError(
                "A function with a window needs the neighbours of each frame, which are not read here.",
                fix="Convert the clip with run(), or leave window= out.",
            )
        return self._rgb.run(self._from_decoder(frame))

    def _on_planes(self, planes: list[Array], begin: int = 0) -> list[Array]:
        for step, target in zip(self._steps[begin:], self._scratch[begin:], strict=True):
            step.work(planes, target)
            planes = target
        return planes


def _plane_steps(
    picture: Picture, operations: Sequence[Operation], layout: PlaneLayout
) -> tuple[list[PlaneStep], list[Operation], int]:
    """The steps on planes, the operations that need RGB, and the orientation still to be applied."""
    steps: list[PlaneStep] = []
    if picture.orientation != 1:
        turn = turn_step(picture.orientation, layout)
        if turn is None:
            return [], list(operations), picture.orientation
        steps.append(turn)
        layout = turn.layout
    for index, operation in enumerate(operations):
        step = None if operation.dynamic else plane_step(operation, layout)
        if step is None:
            return steps, list(operations[index:]), 1
        steps.append(step)
        layout = step.layout
    return steps, [], 1


class _RgbSteps:
    """The operations that need RGB."""

    def __init__(
        self,
        picture: Picture,
        layout: PlaneLayout,
        operations: Sequence[Operation],
        orientation: int,
        limits: Limits,
    ) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        # FFmpeg takes grey of 10 bits to 16 by a shift, with a white that is not white
        self._raised = layout.depth if not layout.subsampling and 8 < layout.depth < 16 else 0
        form = "gray16le" if self._raised else layout.pixel_format
        self._source: Any = av.VideoFrame(layout.width, layout.height, form)
        self._reformatter = VideoReformatter()
        self._matrix, self._range = matrix_of(picture), range_of(picture)
        deep = layout.depth > 8
        self._format = ("rgba" if layout.alpha else "rgb") + ("24" if not layout.alpha else "")
        if deep:
            self._format = "rgba64le" if layout.alpha else "rgb48le"
        spec = Spec(
            layout.width,
            layout.height,
            "RGBA" if layout.alpha else "RGB",
            "uint16" if deep else "uint8",
        )
        header = Header("video", spec, orientation)
        self._operations = tuple(operations)
        self._program = programs.compile_program(header, operations, limits)
        self._memory = memoryview(bytearray(self._program.nbytes))

    @property
    def only_converts(self) -> bool:
        """Whether no pixel moves and no operation follows."""
        return not self._operations and self._program.header.orientation == 1 and not self._raised

    def run(self, planes: Sequence[Array]) -> Frame:
        """One frame, without its neighbours."""
        (result,), _ = stages.transform_frames(self._program, [self._filled(planes)], self._memory)
        return result

    def run_all(self, frames: Iterable[Sequence[Array]]) -> Iterator[Frame]:
        """All frames, in order."""
        steps, rest = self._program.steps, self._program.rest
        if not steps or steps[-1].dynamic is None:
            yield from map(self.run, frames)
            return
        first, sides = (steps[-1].dynamic, *rest), (0, self._program.sides[0])

        def begun() -> Iterator[Frame]:
            for planes in frames:
                made = [self._filled(planes)]
                (frame,), _ = stages.run_steps(steps[:-1], (), made, self._memory, sides)
                yield Frame(frame.spec, frame.array.copy())  # it has to stay valid

        yield from stages.run_over(begun(), first)

    def _filled(self, planes: Sequence[Array]) -> Frame:
        """The first frame of the memory, with these planes as RGB."""
        copy_planes([raised(planes[0], self._raised)] if self._raised else planes, self._source)
        frame = stages.frames_in_buffer(self._memory, 0, self._program.header.spec, 1)[0]
        np.copyto(frame.array, self.converted(self._source, 1))
        return frame

    def converted(self, frame: Any, threads: int) -> Array:
        """As `FrameProgram.converted`."""
        spec = self._program.header.spec
        rgb = self._reformatter.reformat(
            frame,
            format=self._format,
            src_colorspace=self._matrix,
            dst_colorspace=self._matrix,
            src_color_range=self._range,
            dst_color_range=_FULL,
            threads=threads,
        )
        plane, sample = rgb.planes[0], np.dtype(spec.dtype).itemsize
        steps = (plane.line_size, spec.channels * sample, sample)
        return np.ndarray((spec.height, spec.width, spec.channels), spec.dtype, plane, strides=steps)


class LastStep:
    """Converts frames to the pixel format of the encoder, cropped to an even size where it needs one.

    Args:
        picture: with matrix and range.
        encoding: pixel format of the encoder.
        background: RGBA on which frames are composited where the encoder supports no alpha.
    """

    def __init__(self, picture: Picture, encoding: Encoding, background: tuple[int, int, int, int]) -> None:
        from av.video.reformatter import VideoReformatter

        self._source, self._encoding, self._background = picture, encoding, background
        self._picture = written(picture, encoding)
        self.size = (0, 0)
        """Of the last frame of `from_frame`, before it was cropped."""
        self._reformatter = VideoReformatter()
        self._mixer = Mixer(matrix_of(self._picture), full=range_of(self._picture) == _FULL)

    def from_planes(self, layout: PlaneLayout, planes: list[Array]) -> tuple[PlaneLayout, list[Array]]:
        """Planes cropped to the size of the encoder, in its pixel format."""
        wanted = self.layout(layout.width, layout.height)
        if layout.pixel_format != wanted.pixel_format:
            import av

            frame: Any = av.VideoFrame(layout.width, layout.height, layout.pixel_format)
            copy_planes(planes, frame)
            return self._reformatted(frame, wanted, range_of(self._source))
        return wanted, [
            plane[:height, :width] for plane, (height, width) in zip(planes, wanted.shapes, strict=True)
        ]

    def from_frame(self, result: Frame) -> tuple[PlaneLayout, list[Array]]:
        """A frame of any layout and depth."""
        import av

        self.size = result.spec.size
        wanted = self.layout(*self.size)
        deep = wanted.depth > 8
        whole = not wanted.pixel_format.startswith("yuv")
        layout: Layout = "RGBA" if wanted.alpha else "RGB" if wanted.subsampling else "L"
        spec = result.spec.converted(layout, "uint16" if deep else "uint8")
        if spec != result.spec:
            converted = stages.own_frames(spec, 1)[0]
            layouts.convert_layout(result, converted, self._background)
            result = converted
        names = {1: ("gray", "gray16le"), 3: ("rgb24", "rgb48le"), 4: ("rgba", "rgba64le")}
        array = np.ascontiguousarray(result.array[: wanted.height, : wanted.width])
        if whole:
            array = lowered(array, wanted.depth) if 8 < wanted.depth < 16 else array
            order = [1, 2, 0, 3][: len(wanted.shapes)] if spec.channels > 1 else [0]
            return wanted, [np.ascontiguousarray(array[..., channel]) for channel in order]
        if not deep and not wanted.alpha and _divides_evenly(wanted):
            memory = _memory(wanted)
            self._mixer(array, memory)
            return wanted, memory
        array = array if spec.channels > 1 else array[..., 0]
        frame = av.VideoFrame.from_ndarray(array, names[spec.channels][deep])
        return self._reformatted(frame, wanted, _FULL)

    def _reformatted(
        self, frame: Any, wanted: PlaneLayout, colour_range: int
    ) -> tuple[PlaneLayout, list[Array]]:
        picture = self._picture
        made = self._reformatter.reformat(
            frame,
            format=wanted.pixel_format,
            interpolation="AREA",  # the mean of the pixels under a sample of a halved plane
            src_colorspace=matrix_of(picture),
            dst_colorspace=matrix_of(picture),
            src_color_range=colour_range,
            dst_color_range=range_of(picture),
            threads=1,
        )
        memory = _memory(wanted)
        load(made, memory)
        return wanted, memory

    def layout(self, width: int, height: int) -> PlaneLayout:
        """Layout of a frame of this size for the encoder; raises TransformError where no pixel is left."""
        encoding = self._encoding
        if encoding.even:
            if min(width, height) < 2:
                size = f"{width}×{height}"
                raise TransformError(
                    f"Frames of {size} pixels are too small: this encoder takes even sizes, 2×2 or more.",
                    fix="Enlarge or pad them, or choose WebM.",
                )
            width, height = width // 2 * 2, height // 2 * 2
        return PlaneLayout(
            encoding.planes or encoding.pixel_format,
            width,
            height,
            encoding.subsampling,
            encoding.depth,
            encoding.alpha,
        )


def matrix_of(picture: Picture) -> int:
    """The matrix between RGB and Y′CbCr, as numbered by PyAV."""
    return _MATRICES.get(picture.colour.matrix, _BT601)


def range_of(picture: Picture) -> int:
    """The colour range, as numbered by PyAV: full or limited."""
    full = picture.colour.range == "pc" or picture.pixel_format.startswith("yuvj")
    if not picture.colour.range or picture.colour.matrix == "gbr":
        full = full or not picture.pixel_format.startswith(("yuv", "nv", "p0", "p2", "p4", "uyvy", "yvyu"))
    return _FULL if full else _LIMITED


def _divides_evenly(layout: PlaneLayout) -> bool:
    """Whether width and height are multiples of the chroma subsampling."""
    across, down = layout.steps(1)
    return bool(layout.subsampling) and not (layout.width % across or layout.height % down)


def _memory(layout: PlaneLayout) -> list[Array]:
    return layout.arrays(memoryview(bytearray(layout.nbytes)))
